/// The colours that a picture's numbers stand for.
struct Palette {
    /// Red, green, blue for each number; those that a file has no colours for are gray, as in Pillow.
    private(set) var colours: [UInt8] = (0..<256).flatMap { [UInt8($0), UInt8($0), UInt8($0)] }

    /// Grays only.
    init() {}

    /// Colours of a file.
    ///
    /// - Parameters:
    ///   - entrySize: the bytes of each.
    ///   - isReversed: whether blue comes first.
    init(_ bytes: [UInt8], entrySize: Int, isReversed: Bool) {
        for index in 0..<min(bytes.count / entrySize, 256) {
            for channel in 0..<3 {
                colours[3 * index + channel] = bytes[index * entrySize + (isReversed ? 2 - channel : channel)]
            }
        }
    }

    /// Writes colours; with an opacity, which is 0 for one number and 255 for all others, where one is transparent.
    func write(
        _ indices: UnsafeBufferPointer<UInt8>, transparent: UInt8?, to target: UnsafeMutablePointer<UInt8>
    ) {
        colours.withUnsafeBufferPointer { colours in
            var place = target
            for index in indices {
                let colour = colours.baseAddress! + 3 * Int(index)
                place[0] = colour[0]
                place[1] = colour[1]
                place[2] = colour[2]
                place += 3
                guard let transparent else { continue }
                place[0] = index == transparent ? 0 : 255
                place += 1
            }
        }
    }
}
