import Renorm

/// Damage to bytes as disks, networks and hostile people do it.
enum ByteMutation {
    /// Numbers that sizes are compared, added and multiplied with.
    static let numbers: [UInt64] = [
        0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 40,
        1 << 53,
        0x7FFF_FFFF_FFFF_FFFF, 1 << 63, .max,
    ]

    /// The bytes with one to four kinds of damage; never longer than twice what they were and a few more.
    static func mutated(_ bytes: [UInt8], _ random: inout Random) -> [UInt8] {
        var result = bytes
        for _ in 0...random.integer(below: 4) { mutate(&result, &random) }
        return result
    }

    private static func mutate(_ bytes: inout [UInt8], _ random: inout Random) {
        guard !bytes.isEmpty else {
            bytes = [UInt8(truncatingIfNeeded: random.next())]
            return
        }
        // Headers decide the most, and are short.
        let place = random.integer(below: random.integer(below: 2) == 0 ? min(bytes.count, 64) : bytes.count)
        let length = min(1 + random.integer(below: 32), bytes.count - place)
        switch random.integer(below: 8) {
        case 0: bytes[place] ^= 1 << UInt8(random.integer(below: 8))
        case 1: bytes[place] = [0, 0xFF, 0x7F, 0x80][random.integer(below: 4)]
        case 2: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 3: bytes.removeLast(bytes.count - place)
        case 4: bytes.removeSubrange(place..<place + length)
        case 5: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
        case 6: bytes.append(contentsOf: (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        default:
            let number = numbers[random.integer(below: numbers.count)]
            let size = [1, 2, 4, 8][random.integer(below: 4)]
            let isBigEndian = random.integer(below: 2) == 0
            for index in 0..<min(size, bytes.count - place) {
                let shift = UInt64(8 * (isBigEndian ? size - 1 - index : index))
                bytes[place + index] = UInt8(truncatingIfNeeded: number >> shift)
            }
        }
    }
}
