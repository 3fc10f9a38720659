import Foundation
import RenormArrays

/// Where decoded pictures are kept, so that a second pass need not decode them.
public enum ImageCache: Hashable, Sendable, TextForm {
    /// Nowhere.
    case none
    /// In memory.
    case memory
    /// In one file of a folder, which a later run of the same pictures uses again.
    case folder(URL)

    /// Reads `none`, `memory` or a folder's path.
    public init(parsing text: String) throws {
        switch text {
        case "none": self = .none
        case "memory": self = .memory
        case "": throw Fault("''", ImageCache.expected)
        default: self = .folder(URL(fileURLWithPath: text))
        }
    }

    /// The text form, with a path in full.
    public var description: String {
        switch self {
        case .none: "none"
        case .memory: "memory"
        case .folder(let url): url.path
        }
    }

    /// What may be written.
    public static var expected: String { "none, memory or a folder" }

    /// What pictures need there, and what they may use.
    public struct Budget: Hashable, Sendable, Codable, CustomStringConvertible {
        /// Bytes of all pictures, decoded.
        public var needed: Int
        /// Bytes that may be used: what was said or, by default, half of what is free.
        public var allowed: Int
        /// Whether it was said.
        public var isGiven: Bool
        fileprivate let place: String

        /// What is needed and what may be used, in half a sentence.
        public var description: String {
            "\(bytesText(needed)) of \(place), \(bytesText(allowed)) allowed"
        }
    }

    /// What the pictures of a source need; `nil` where nothing is kept.
    ///
    /// - Parameter allowed: bytes that may be used; `nil`: half of the memory or of the room in the folder that is free.
    /// - Throws: `ImagesError.unusableCache`; what the source throws for a picture whose size it does not know.
    public func budget(for source: any ImageSource, allowed: Int? = nil) throws -> Budget? {
        if self == .none { return nil }
        var needed = 0
        if let size = source.commonSize {
            needed = size.valueCount.saturatingProduct(source.count)
        } else {
            for image in 0..<source.count {
                needed = needed.saturatingSum(try source.size(of: image).valueCount)
            }
        }
        switch self {
        case .none: return nil
        case .memory:
            return Budget(
                needed: needed, allowed: allowed ?? freeMemory() / 2, isGiven: allowed != nil, place: "memory"
            )
        case .folder(let url):
            // The folder is made when it is used.
            var existing = url.standardizedFileURL
            while existing.pathComponents.count > 1, !FileManager.default.fileExists(atPath: existing.path) {
                existing.deleteLastPathComponent()
            }
            var status = statvfs()
            guard statvfs(existing.path, &status) == 0 else {
                throw ImagesError.unusableCache(path: url.path, reason: String(cString: strerror(errno)))
            }
            let free = Int(clamping: UInt64(status.f_bavail)).saturatingProduct(
                Int(clamping: UInt64(status.f_frsize)))
            return Budget(
                needed: needed, allowed: allowed ?? free / 2, isGiven: allowed != nil, place: url.path)
        }
    }

    /// A source that keeps the pictures of another here; the other itself where nothing is kept. A folder is made if it is missing.
    ///
    /// - Parameters:
    ///   - identity: a number that a source with other pixels does not have, such as `PictureFiles.cacheIdentity`.
    ///   - allowed: bytes that may be used; `nil`: half of what is free.
    /// - Throws: `ImagesError.cacheTooLarge` before anything is decoded, `.unusableCache`.
    public func keeping(_ source: any ImageSource, identity: UInt64, allowed: Int? = nil) throws
        -> any ImageSource
    {
        if case .folder(let url) = self { try ImageCache.makeFolder(url) }
        guard let budget = try budget(for: source, allowed: allowed) else { return source }
        return try CachedImages(source, in: self, identity: identity, budget: budget)
    }
}

extension ImageCache {
    private static func makeFolder(_ url: URL) throws {
        switch try PathKind(url) {
        case .folder: return
        case .file: throw ImagesError.unusableCache(path: url.path, reason: "it is no folder")
        case .missing:
            do {
                try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
            } catch {
                throw ImagesError.unusableCache(path: url.path, reason: "it is not there and cannot be made")
            }
        }
    }
}

extension ImageCache.Budget {
    /// The place that messages name.
    var placeName: String { place }
}

/// Bytes of memory that programs may still ask for.
private func freeMemory() -> Int {
    let all = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    // Linux says what it could make free; elsewhere half of all is taken for free.
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
        let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return all / 2 }
    return min(kilobytes.saturatingProduct(1024), all)
}
