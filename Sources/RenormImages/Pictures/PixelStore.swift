import Foundation
import Synchronization

/// Memory for the pixels of many images, with the state of each: the machine's, or a file's that is mapped into it.
///
/// A file begins with a page that says whose pixels they are, then comes a number for each image, then the pixels. An image's
/// number is written after its pixels: their checksum, or 0 while they are not there. What a killed process or a machine that
/// stopped left behind is therefore either whole or not there: a checksum is compared before an image is used for the first
/// time.
final class PixelStore: @unchecked Sendable {
    /// What is known of an image's pixels.
    enum State: UInt8 {
        /// They are not there.
        case missing
        /// They are in the file, but nobody has compared their checksum yet.
        case unproved
        /// Somebody writes or compares them.
        case busy
        /// They are there.
        case ready
    }

    private let mapping: UnsafeMutableRawPointer
    private let mappingSize: Int
    private let pixels: UnsafeMutablePointer<UInt8>
    /// The numbers in the file; `nil` in memory.
    private let checksums: UnsafeMutablePointer<UInt64>?
    private let states: UnsafeMutablePointer<Atomic<UInt8>>
    private let count: Int
    /// Those who wait for an image that another thread is busy with, spread over a few conditions.
    private let conditions = (0..<16).map { _ in NSCondition() }

    private static let page = 1 << 14
    /// Its number grows when the same files are decoded to other pixels.
    private static let mark = Array("renorm's decoded pictures 1\n".utf8)

    /// Room in memory.
    ///
    /// - Throws: `ImagesError.unusableCache`.
    init(count: Int, size: Int) throws {
        mappingSize = max(size, 1)
        let memory = mmap(nil, mappingSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | anonymous, -1, 0)
        guard let memory, memory != MAP_FAILED else {
            throw ImagesError.unusableCache(path: "in memory", reason: String(cString: strerror(errno)))
        }
        mapping = memory
        pixels = memory.assumingMemoryBound(to: UInt8.self)
        checksums = nil
        states = PixelStore.states(count) { _ in .missing }
        self.count = count
    }

    /// Room in a file, with what it holds already if it is of the same images.
    ///
    /// - Throws: `ImagesError.unusableCache`.
    init(_ url: URL, identity: UInt64, count: Int, size: Int) throws {
        let page = PixelStore.page
        let start = page + (8 * count + page - 1) / page * page
        mappingSize = start + size
        var header = PixelStore.mark
        for number in [identity, UInt64(count), UInt64(size)] {
            withUnsafeBytes(of: number.littleEndian) { header += $0 }
        }
        let descriptor = try PixelStore.open(url, header: header, size: mappingSize)
        defer { close(descriptor) }
        let memory = mmap(nil, mappingSize, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let memory, memory != MAP_FAILED else {
            throw ImagesError.unusableCache(path: url.path, reason: String(cString: strerror(errno)))
        }
        mapping = memory
        pixels = (memory + start).assumingMemoryBound(to: UInt8.self)
        let checksums = (memory + page).assumingMemoryBound(to: UInt64.self)
        self.checksums = checksums
        states = PixelStore.states(count) { checksums[$0] == 0 ? .missing : .unproved }
        self.count = count
    }

    deinit {
        states.deinitialize(count: count)
        states.deallocate()
        munmap(mapping, mappingSize)
    }

    private static func states(
        _ count: Int, _ state: (Int) -> State
    ) -> UnsafeMutablePointer<Atomic<UInt8>> {
        let states = UnsafeMutablePointer<Atomic<UInt8>>.allocate(capacity: max(count, 1))
        for image in 0..<count { (states + image).initialize(to: Atomic(state(image).rawValue)) }
        return states
    }

    /// Calls `body` with the pixels of an image, after `write` has written them if they were not there.
    ///
    /// One thread writes an image; others that want the same one wait for it, and nobody else does.
    func withPixels(
        of image: Int, at offset: Int, count: Int,
        write: (UnsafeMutableBufferPointer<UInt8>) throws -> Void, _ body: (UnsafePointer<UInt8>) -> Void
    ) throws {
        let memory = UnsafeMutableBufferPointer(start: pixels + offset, count: count)
        while states[image].load(ordering: .acquiring) != State.ready.rawValue {
            try prepare(image, memory, write)
        }
        body(pixels + offset)
    }

    /// Makes an image ready, or waits while another thread does.
    private func prepare(
        _ image: Int, _ memory: UnsafeMutableBufferPointer<UInt8>,
        _ write: (UnsafeMutableBufferPointer<UInt8>) throws -> Void
    ) throws {
        let condition = conditions[image % conditions.count]
        let found = condition.withLock {
            let state = states[image].load(ordering: .acquiring)
            if state == State.busy.rawValue {
                condition.wait()
            } else if state != State.ready.rawValue {
                states[image].store(State.busy.rawValue, ordering: .relaxed)
            }
            return state
        }
        guard found == State.missing.rawValue || found == State.unproved.rawValue else { return }
        var result = State.missing
        defer {
            condition.withLock {
                states[image].store(result.rawValue, ordering: .releasing)
                condition.broadcast()
            }
        }
        let isKept = found == State.unproved.rawValue && checksums![image] == PixelStore.checksum(memory)
        if !isKept {
            checksums?[image] = 0
            try write(memory)
            checksums?[image] = PixelStore.checksum(memory)
        }
        result = .ready
    }

    /// Never 0.
    private static func checksum(_ memory: UnsafeMutableBufferPointer<UInt8>) -> UInt64 {
        var fingerprint = Fingerprint()
        fingerprint.add(UnsafeRawBufferPointer(memory))
        return max(fingerprint.value, 1)
    }

    /// Opens the file of this header and size, or makes it, with room on the disk for all of it.
    private static func open(_ url: URL, header: [UInt8], size: Int) throws -> Int32 {
        func failure(_ code: Int32) -> ImagesError {
            .unusableCache(path: url.path, reason: String(cString: strerror(code)))
        }
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let descriptor = openFile(url.path, flags)
        guard descriptor >= 0 else { throw failure(errno) }
        var isDone = false
        defer { if !isDone { close(descriptor) } }
        guard FileStatus(descriptor: descriptor)?.isFile == true else {
            throw ImagesError.unusableCache(path: url.path, reason: "it is no ordinary file")
        }
        // Whoever else begins at the same time waits until the file is made; closing it lets go of the lock.
        while flock(descriptor, LOCK_EX) != 0 { if errno != EINTR { throw failure(errno) } }
        guard let status = FileStatus(descriptor: descriptor) else { throw failure(errno) }
        var found = [UInt8](repeating: 0, count: header.count)
        let isRead = found.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress!, $0.count, 0) }
        if status.size != size || isRead != header.count || found != header {
            // What was there is of other pictures, or was never finished.
            guard ftruncate(descriptor, 0) == 0 else { throw failure(errno) }
            let code = allocate(descriptor, size)
            guard code == 0 else {
                ftruncate(descriptor, 0)
                throw failure(code)
            }
            guard pwrite(descriptor, header, header.count, 0) == header.count else { throw failure(errno) }
        }
        isDone = true
        return descriptor
    }

    /// Makes a file that long, whose room is really there: a write into a mapped file on a full disk would end the process.
    private static func allocate(_ descriptor: Int32, _ size: Int) -> Int32 {
        #if canImport(Darwin)
            var request = fstore_t(
                fst_flags: UInt32(F_ALLOCATEALL), fst_posmode: F_PEOFPOSMODE, fst_offset: 0,
                fst_length: off_t(size), fst_bytesalloc: 0)
            if fcntl(descriptor, F_PREALLOCATE, &request) == -1 { return errno }
            return ftruncate(descriptor, off_t(size)) == 0 ? 0 : errno
        #else
            return posix_fallocate(descriptor, 0, off_t(size))
        #endif
    }
}

private func openFile(_ path: String, _ flags: Int32) -> Int32 { open(path, flags, 0o666) }

#if canImport(Darwin)
    private let anonymous = MAP_ANON
#else
    private let anonymous = MAP_ANONYMOUS
#endif
