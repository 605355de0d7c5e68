internal import CCurl

/// Turns libcurl's result codes into errors that say what happened, where, and how to mend it.
enum CurlFailure {
    /// What is known of a transfer that failed.
    struct Circumstances {
        var result: CURLcode
        /// libcurl's own words (CURLOPT_ERRORBUFFER), or empty.
        var detail: String
        /// Scheme, host and port: never the path's query or credentials.
        var place: String
        /// OpenSSL's verdict on the peer's certificate (X509_V_ERR_…), 0 where none.
        var verifyResult: Int
        var policy: HTTPPolicy
        var maySent: Bool
        /// The connection stood before the time ran out.
        var connected: Bool
    }

    static func error(_ it: Circumstances) -> HTTPClientError {
        func make(_ code: HTTPClientError.Code, _ message: String, _ hint: String) -> HTTPClientError {
            HTTPClientError(code, message, hint: hint, requestMayHaveBeenSent: it.maySent)
        }
        let words = it.detail.isEmpty ? String(cString: curl_easy_strerror(it.result)) : it.detail
        switch it.result {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            return make(.unknownHost, "\(it.place): \(words)", "check the url's host name and this machine's DNS")
        case CURLE_COULDNT_CONNECT:
            return make(
                .cannotConnect, "\(it.place): \(words)",
                "check that the backend runs, and the port and firewall between")
        case CURLE_OPERATION_TIMEDOUT where !it.connected:
            return make(
                .timeout, "\(it.place): no connection in time: \(words)",
                "check that the backend runs, and the port and firewall between")
        case CURLE_OPERATION_TIMEDOUT:
            return make(
                .timeout, "\(it.place): no answer within \(it.policy.timeout): \(words)",
                "the backend is slow; its log has the reason")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CIPHER,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
            return make(.tls, "\(it.place): TLS: \(words)", tlsHint(it))
        case CURLE_SSL_CACERT_BADFILE:
            return make(.badRequest, "\(it.place): TLS: \(words)", "tls.ca_file must name a readable PEM file")
        case CURLE_SSL_CERTPROBLEM:
            return make(
                .badRequest, "\(it.place): TLS: \(words)",
                "tls.cert_file and tls.key_file must name a readable PEM pair that belongs together")
        case CURLE_UNSUPPORTED_PROTOCOL where it.connected:
            return make(.broken, "\(it.place): what came is no HTTP", "another service may listen on that port")
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            return make(.badRequest, "\(it.place): \(words)", "the url must read https://HOST or http://HOST")
        case CURLE_FILESIZE_EXCEEDED, CURLE_WRITE_ERROR:
            return make(
                .tooLarge, "\(it.place): the response is over \(it.policy.maxResponseBytes) bytes, or damaged",
                "a proxy may have answered in the backend's place")
        case CURLE_ABORTED_BY_CALLBACK:
            return make(.broken, "\(it.place): the kept connection died after the request was written to it", "")
        default:
            return make(.broken, "\(it.place): \(words)", "")
        }
    }

    // The numbers are X509_V_ERR_… of OpenSSL's x509_vfy.h.
    private static func tlsHint(_ it: Circumstances) -> String {
        let authority = it.policy.caFile ?? "the system's authorities"
        switch it.verifyResult {
        case 9, 10: return "the backend's certificate is not valid at this time: renew it, or set this clock"
        case 2, 18, 19, 20, 21: return "the certificate is not signed by \(authority): set tls.ca_file"
        case 23: return "the backend's certificate was revoked"
        default: break
        }
        if it.result == CURLE_PEER_FAILED_VERIFICATION {
            return "the certificate is for another host name: use the name that it was made for"
        }
        return "check that the port speaks TLS 1.2 or later, and whether it wants a client certificate (tls.cert_file)"
    }
}
