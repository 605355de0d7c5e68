import Glibc
import HTTPClient
import Synchronization

/// Runs `body` with a client that is closed afterwards.
func withClient<T>(_ body: (HTTPClient) async throws -> T) async throws -> T {
    let client = HTTPClient()
    defer { client.close() }
    return try await body(client)
}

extension HTTPClient {
    /// What `send` returns or throws, as a value.
    func result(_ request: HTTPRequest) async -> Result<HTTPResponse, HTTPClientError> {
        do throws(HTTPClientError) { return .success(try await send(request)) } catch { return .failure(error) }
    }
}

extension Result {
    var success: Success? { if case .success(let value) = self { value } else { nil } }
    var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}

/// A place where a number of a server's threads wait for one another; never for a test's own task.
final class Gathering: Sendable {
    private let reader: Int32
    private let writer: Int32
    private let missing: Mutex<Int>
    private let count: Int

    init(of count: Int) {
        self.count = count
        missing = Mutex(count)
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { fatalError("no pipe") }
        (reader, writer) = (ends[0], ends[1])
    }

    deinit {
        close(reader)
        close(writer)
    }

    func arriveAndWait() {
        let last = missing.withLock {
            $0 -= 1
            return $0 == 0
        }
        if last { _ = write(writer, [UInt8](repeating: 1, count: count), count) }
        var byte: UInt8 = 0
        _ = read(reader, &byte, 1)
    }
}
