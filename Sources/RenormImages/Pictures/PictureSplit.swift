import RenormArrays

/// How pictures are parted that nothing else parts: class by class, by the seed and the pictures' paths alone, so the same on
/// every machine and in whatever order they are found; and a picture more or less moves few others.
///
/// Of the n pictures of a class n·`validation` and n·`test` are held out, each rounded to the nearest number (halves up), and
/// at least 1 if n is 3 or more; at least 1 is left for training. A class with 1 picture has it in training; one with 2 has
/// the other in the test part or, where none is made, in the validation part. A fraction of 0 makes no such part.
public struct PictureSplit: Hashable, Sendable {
    /// The fraction of each class that is held out for validation: at least 0.
    public var validation: Double
    /// The fraction of each class that is held out for testing; both together are below 1.
    public var test: Double
    /// What chooses among the pictures.
    public var seed: UInt64

    /// By default 80 of 100 are for training, 10 for validation, 10 for testing.
    public init(validation: Double = 0.1, test: Double = 0.1, seed: UInt64 = 0) {
        precondition(
            validation >= 0 && test >= 0 && validation + test < 1,
            "a split of \(validation) for validation and \(test) for testing")
        self.validation = validation
        self.test = test
        self.seed = seed
    }

    /// How many of so many pictures of a class are held out.
    func counts(of count: Int) -> (validation: Int, test: Int) {
        func share(_ fraction: Double) -> Int {
            fraction == 0 ? 0 : max(Int((Double(count) * fraction).rounded(.toNearestOrAwayFromZero)), 1)
        }
        switch count {
        case 0, 1: return (0, 0)
        case 2: return test > 0 ? (0, 1) : validation > 0 ? (1, 0) : (0, 0)
        default:
            var (validation, test) = (share(validation), share(test))
            while validation + test >= count {
                if validation > test { validation -= 1 } else { test -= 1 }
            }
            return (validation, test)
        }
    }

    /// The place of a picture in the order by which pictures of a class are held out.
    func rank(className: String, path: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = Random.streamNumber(className) &* 0x100_0000_01b3
        for byte in path { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let words = Random.block(seed: seed, stream: hash, counter: 0, index: 0)
        return UInt64(words.0) << 32 | UInt64(words.1)
    }
}

extension PictureColumns {
    /// Gives every picture for which `isFree` a part.
    mutating func split(_ split: PictureSplit, classNames: [String], isFree: (Int) -> Bool) {
        var members = [[(rank: UInt64, picture: Int32)]](repeating: [], count: classNames.count)
        for picture in 0..<count where isFree(picture) {
            let name = classNames[Int(label[picture])]
            let rank = split.rank(className: name, path: path(of: picture))
            members[Int(label[picture])].append((rank, Int32(picture)))
        }
        for index in members.indices {
            // Two pictures of one rank would need the same 64-bit number: their paths decide.
            members[index].sort {
                $0.rank == $1.rank
                    ? path(of: Int($0.picture)).lexicographicallyPrecedes(path(of: Int($1.picture)))
                    : $0.rank < $1.rank
            }
            let (validation, test) = split.counts(of: members[index].count)
            for (place, member) in members[index].enumerated() {
                part[Int(member.picture)] =
                    place < validation ? .validation : place < validation + test ? .test : .training
            }
            members[index] = []
        }
    }
}
