internal import CCurl
internal import Posix

/// HTTP over libcurl: keep-alive, HTTP/2 where TLS negotiates it, never a redirect followed.
///
/// One thread owns every libcurl handle; it sleeps in the kernel while nothing is under way. Any thread may call.
/// The process should have one client, shared; it must be closed, or its thread stays.
public final class HTTPClient: Sendable {
    private let mailbox: Mailbox

    /// Starts the thread.
    public init() {
        // Once in the process, and before any other thread uses libcurl.
        _ = Self.library
        guard let multi = curl_multi_init() else { fatalError("libcurl is out of memory") }
        let handle = MultiHandle(pointer: multi)
        mailbox = Mailbox(handle)
        let executor = ThreadExecutor(name: "http")
        let loop = CurlLoop(handle, mailbox, executor)
        // Unstructured: it is the body of the client's own thread and ends with close().
        Task {
            await loop.run()
            executor.stop()
        }
    }

    private static let library: Void = {
        guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK else { fatalError("libcurl cannot start") }
    }()

    /// Sends a request and returns the final response, whatever its status.
    ///
    /// Cancelling the task ends the transfer at once, with an error whose `requestMayHaveBeenSent` tells whether the
    /// backend may have acted on it.
    public func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        let id = mailbox.nextID()
        let flag = CancellationFlag()
        let mailbox = mailbox
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if !mailbox.post(.start(id, request, flag, continuation)) {
                    continuation.resume(returning: .failure(Self.closed))
                }
            }
        } onCancel: {
            flag.set()
            mailbox.post(.cancel(id))
        }
        return try result.get()
    }

    /// An empty jar, or one with the lines of an earlier `export()`.
    public func makeCookieJar(_ saved: [String] = []) -> CookieJar {
        CookieJar(id: mailbox.nextID(), saved: saved, mailbox: mailbox)
    }

    /// Cancels what is under way and ends the thread. Requests from now on fail at once. Does not wait.
    public func close() { mailbox.close() }

    static let closed = HTTPClientError(.closed, "the HTTP client is closed")
}
