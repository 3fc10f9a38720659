import Foundation
import RenormArrays

/// Reads image files one after another on threads of its own, a few ahead of their use, and gives them in order.
///
///     let reader = ImageFileReader(paths, framing: trained.framing, workers: 2)
///     while let (path, file) = reader.next() { … }
///
/// A file that cannot be read is a failure in its place, and the next follow.
public final class ImageFileReader: Sendable {
    /// A file, or why there is none.
    public typealias Element = (path: String, file: Result<ImageFile, any Error>)

    private let queue: ReadingQueue

    /// A reader of files.
    ///
    /// - Parameters:
    ///   - paths: asked for one at a time, as far ahead as files are read, by one thread at a time; `nil`: there are no more.
    ///   - framing: how pictures are brought to one size.
    ///   - ahead: the most files that are read and wait.
    public init(
        framing: Framing, workers: Int = 1, ahead: Int = 64, paths: @escaping @Sendable () throws -> String?
    ) {
        precondition(workers > 0 && ahead > 0, "\(workers) workers that read \(ahead) files ahead")
        let queue = ReadingQueue(ahead: max(ahead, workers), paths: paths)
        self.queue = queue
        for _ in 0..<workers {
            startThread(named: "renorm.files") {
                while let (place, path) = queue.take() {
                    queue.give(
                        Result { try ImageFile(URL(fileURLWithPath: path), framing: framing) }, path,
                        at: place)
                }
            }
        }
    }

    deinit { queue.cancel() }

    /// The next file, waited for if need be; `nil` after the last one.
    ///
    /// - Throws: what asking for its path threw.
    public func next() throws -> Element? { try queue.next() }
}

/// What a reader and its threads share. All that changes is guarded by `condition`; asking for a path, which may wait for
/// somebody who types, happens under `asking`.
private final class ReadingQueue: @unchecked Sendable {
    private let ahead: Int
    private let paths: () throws -> String?
    private let condition = NSCondition()
    private let asking = NSLock()
    private var ready: [Int: ImageFileReader.Element] = [:]
    private var asked = 0
    private var given = 0
    private var end: Int?
    private var failure: (any Error)?
    private var isCancelled = false

    init(ahead: Int, paths: @escaping () throws -> String?) { (self.ahead, self.paths) = (ahead, paths) }

    /// The next path for a worker, once there is room for its file.
    func take() -> (place: Int, path: String)? {
        asking.withLock {
            condition.lock()
            while !isCancelled, end == nil, asked >= given + ahead { condition.wait() }
            let mayGoOn = !isCancelled && end == nil
            condition.unlock()
            guard mayGoOn else { return nil }
            let path = Result { try paths() }
            return condition.withLock {
                defer { condition.broadcast() }
                switch path {
                case .success(let path?):
                    asked += 1
                    return (asked - 1, path)
                case .success(nil): end = asked
                case .failure(let error): (end, failure) = (asked, error)
                }
                return nil
            }
        }
    }

    func give(_ file: Result<ImageFile, any Error>, _ path: String, at place: Int) {
        condition.withLock {
            ready[place] = (path, file)
            condition.broadcast()
        }
    }

    func next() throws -> ImageFileReader.Element? {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let found = ready.removeValue(forKey: given) {
                given += 1
                condition.broadcast()
                return found
            }
            if given == end {
                if let failure { throw failure }
                return nil
            }
            condition.wait()
        }
    }

    func cancel() {
        condition.withLock {
            isCancelled = true
            condition.broadcast()
        }
    }
}
