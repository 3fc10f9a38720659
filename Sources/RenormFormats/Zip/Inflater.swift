import CZlib

/// What a part of a file becomes when it is inflated (RFC 1951, without a header), a piece at a time.
final class Inflater {
    private let file: InputFile
    private let name: String
    private var next: Int
    private let end: Int
    /// zlib points back to it, so it stays where it is.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    private var isAtEnd = false

    init(_ file: InputFile, _ range: Range<Int>, name: String) throws {
        (self.file, self.name, next, end) = (file, name, range.lowerBound, range.upperBound)
        stream.initialize(to: z_stream())
        // A negative number asks for the largest window and no header.
        guard inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw FormatError.unreadable(path: file.path, reason: "there is no memory to unpack it")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        input.deallocate()
    }

    /// Fills memory with the next bytes.
    func read(into memory: UnsafeMutableRawBufferPointer) throws {
        stream.pointee.next_out = memory.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(memory.count)
        while stream.pointee.avail_out > 0 {
            guard !isAtEnd else { throw damaged("has fewer bytes than the archive's list says") }
            try run()
        }
    }

    /// Throws if more bytes would come.
    func finish() throws {
        var rest: UInt8 = 0
        try withUnsafeMutableBytes(of: &rest) { memory in
            while !isAtEnd {
                stream.pointee.next_out = memory.baseAddress!.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = 1
                try run()
                if stream.pointee.avail_out == 0 {
                    throw damaged("has more bytes than the archive's list says")
                }
            }
        }
        guard next == end, stream.pointee.avail_in == 0 else {
            throw damaged("ends before its packed bytes do")
        }
    }

    private func run() throws {
        if stream.pointee.avail_in == 0 {
            let count = min(input.count, end - next)
            guard count > 0 else { throw damaged("is cut off") }
            try file.read(into: UnsafeMutableRawBufferPointer(rebasing: input[..<count]), at: next)
            next += count
            stream.pointee.next_in = input.baseAddress!.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_in = UInt32(count)
        }
        switch inflate(stream, Z_NO_FLUSH) {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: isAtEnd = true
        case Z_MEM_ERROR:
            throw FormatError.unreadable(path: file.path, reason: "there is no memory to unpack it")
        default: throw damaged("is packed wrongly")
        }
    }

    private func damaged(_ reason: String) -> FormatError {
        .damagedArchive(path: file.path, reason: "\"\(name)\" \(reason)")
    }
}
