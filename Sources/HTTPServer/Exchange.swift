internal import CWebSockets

/// One request and its answer on a connection; lives on the event loop's thread.
final class Exchange {
    let id: UInt64
    let method: String
    let path: String
    let query: String
    let headers: [(name: String, value: String)]
    var body: [UInt8] = []
    var response: ServerResponse?

    init(id: UInt64, method: String, path: String, query: String, headers: [(name: String, value: String)]) {
        self.id = id
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
    }

    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// Reading a request's head from the library's tables.
enum RequestHead {
    private static let methods: [(token: lws_token_indexes, name: String)] = [
        (WSI_TOKEN_GET_URI, "GET"), (WSI_TOKEN_POST_URI, "POST"), (WSI_TOKEN_PUT_URI, "PUT"),
        (WSI_TOKEN_DELETE_URI, "DELETE"), (WSI_TOKEN_PATCH_URI, "PATCH"), (WSI_TOKEN_HEAD_URI, "HEAD"),
        (WSI_TOKEN_OPTIONS_URI, "OPTIONS"),
    ]

    /// The library's tokens that are headers, with their names in lower case.
    private static let known: [(token: lws_token_indexes, name: String)] = {
        let notHeaders = Set(methods.map(\.token.rawValue) + [WSI_TOKEN_HTTP_URI_ARGS.rawValue])
        return (0..<WSI_TOKEN_COUNT.rawValue).compactMap { raw in
            let token = lws_token_indexes(rawValue: raw)
            guard !notHeaders.contains(raw), let text = lws_token_to_string(token) else { return nil }
            let name = String(cString: UnsafeRawPointer(text).assumingMemoryBound(to: CChar.self))
            guard name.hasSuffix(":"), !name.hasPrefix(":") else { return nil }
            return (token, String(name.dropLast()))
        }
    }()

    static func method(_ wsi: OpaquePointer) -> String? {
        methods.first { lws_hdr_total_length(wsi, $0.token) > 0 }?.name
    }

    static func headers(_ wsi: OpaquePointer, extra: [String]) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        for (token, name) in known {
            for value in fragments(wsi, token) { headers.append((name, value)) }
        }
        for name in extra {
            let key = name + ":"
            let length = lws_hdr_custom_length(wsi, key, Int32(key.utf8.count))
            guard length > 0 else { continue }
            let value = copy(length) { lws_hdr_custom_copy(wsi, $0, $1, key, Int32(key.utf8.count)) }
            if let value { headers.append((name, value)) }
        }
        return headers
    }

    static func query(_ wsi: OpaquePointer) -> String {
        fragments(wsi, WSI_TOKEN_HTTP_URI_ARGS).joined(separator: "&")
    }

    /// The values of a header that was sent several times; the library would join them without a separator.
    private static func fragments(_ wsi: OpaquePointer, _ token: lws_token_indexes) -> [String] {
        var values: [String] = []
        while true {
            let index = Int32(values.count)
            let length = lws_hdr_fragment_length(wsi, token, index)
            guard length > 0, let value = copy(length, { lws_hdr_copy_fragment(wsi, $0, $1, token, index) }) else {
                return values
            }
            values.append(value)
        }
    }

    private static func copy(_ length: Int32, _ fill: (UnsafeMutablePointer<CChar>?, Int32) -> Int32) -> String? {
        // One more than the length, for the final NUL.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(length) + 1) { buffer in
            let count = fill(buffer.baseAddress, Int32(buffer.count))
            guard count >= 0 else { return nil }
            // The library leaves a blank, and of a repeated header also a separator of its own, before the value.
            let value = UnsafeRawBufferPointer(buffer).prefix(Int(count)).drop { $0 <= 32 }
            return String(decoding: value, as: UTF8.self)
        }
    }
}
