internal import CZlib

/// gzip (RFC 1952) of whole bodies.
public enum Gzip {
    /// Why bytes could not be decompressed.
    public enum Failure: Error, Sendable, Equatable {
        /// Not gzip, damaged, or cut short.
        case damaged
        /// More than the limit would come out: a decompression bomb, or a reply out of bounds.
        case tooLarge(limit: Int)
    }

    /// Compresses a body. Level 1 takes about a third of level 6's time for a batch a tenth larger.
    public static func compress(_ bytes: [UInt8], level: Int32 = 1) -> [UInt8] {
        var stream = z_stream()
        // A window larger than the body finds nothing more, and zlib clears what it takes: 268 KB with the largest,
        // which would cost a small body more than its compression does.
        let window = Int32(min(max(Int.bitWidth - bytes.count.leadingZeroBitCount, 10), 15))
        guard scangate_deflate_init(&stream, level, window, window < 15 ? window - 8 : 8) == Z_OK else {
            fatalError("zlib is out of memory")
        }
        defer { deflateEnd(&stream) }
        // deflateBound counts the gzip header only once the stream is set up, as it is here (zlib.h).
        var out = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
        let written = bytes.withUnsafeBufferPointer { input in
            out.withUnsafeMutableBufferPointer { output in
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                let status = deflate(&stream, Z_FINISH)
                precondition(status == Z_STREAM_END, "deflateBound promised room for the whole body")
                return output.count - Int(stream.avail_out)
            }
        }
        out.removeLast(out.count - written)
        return out
    }

    /// Decompresses a body of one gzip member; at most `limit` bytes come out.
    public static func decompress(_ bytes: [UInt8], limit: Int) throws(Failure) -> [UInt8] {
        var stream = z_stream()
        guard scangate_inflate_init(&stream) == Z_OK else { fatalError("zlib is out of memory") }
        defer { inflateEnd(&stream) }
        var out: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let failure: Failure? = bytes.withUnsafeBufferPointer { input in
            stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.avail_in = UInt32(input.count)
            while true {
                let (status, count) = chunk.withUnsafeMutableBufferPointer { output in
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(output.count)
                    let status = inflate(&stream, Z_NO_FLUSH)
                    return (status, output.count - Int(stream.avail_out))
                }
                out.append(contentsOf: chunk[..<count])
                if out.count > limit { return .tooLarge(limit: limit) }
                if status == Z_STREAM_END { return stream.avail_in == 0 ? nil : .damaged }
                if status != Z_OK || (count == 0 && stream.avail_in == 0) { return .damaged }
            }
        }
        if let failure { throw failure }
        return out
    }
}
