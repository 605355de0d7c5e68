internal import Glibc

/// What a shell command prints.
public func shell(_ command: String) throws -> String {
    guard let pipe = popen(command, "re") else { throw SetupError("popen: \(command)") }
    defer { pclose(pipe) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&chunk, 1, chunk.count, pipe), count > 0 { bytes += chunk[..<count] }
    return String(decoding: bytes, as: UTF8.self)
}

/// Makes, in a directory: an authority `ca.pem`; by it, for 127.0.0.1, `server` and `client` (`.pem`, `.key`), an
/// expired `expired`, and `elsewhere` for another host name; and `stranger.pem`, another authority.
public func makeCertificates(_ directory: String) throws {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    let output = try shell(
        """
        cd \(directory) && exec 2>&1 && set -e
        openssl req -x509 \(key) -days 2 -keyout ca.key -out ca.pem -subj /CN=authority
        openssl req -x509 \(key) -days 2 -keyout stranger.key -out stranger.pem -subj /CN=stranger
        for name in server client expired elsewhere; do
            host=IP:127.0.0.1
            if [ $name = elsewhere ]; then host=DNS:elsewhere.example; fi
            openssl req -new \(key) -keyout $name.key -out $name.csr -subj /CN=$name
            printf 'subjectAltName=%s\\n' $host > $name.ext
            days=2
            if [ $name = expired ]; then days=-1; fi
            openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days $days \
                -extfile $name.ext -out $name.pem
        done
        echo done
        """)
    guard output.hasSuffix("done\n") else { throw SetupError("openssl: \(output)") }
}
