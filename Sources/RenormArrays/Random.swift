#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Random numbers as a pure function of (seed, stream, counter): Philox4x32-10 (Salmon et al., "Parallel random
/// numbers: as easy as 1, 2, 3", SC 2011).
///
/// The seed names the run, the stream what is drawn ("shuffle", a variable's path), the counter how often it was drawn
/// before. Nothing depends on the order in which streams are used, so a resumed run draws what it would have drawn.
///
///     var random = Random(seed: 1, stream: "shuffle", counter: 3)
///     random.next()      // UInt64
///     random.uniform()   // [0, 1)
///     random.normal()
public struct Random: RandomNumberGenerator, Sendable {
    private let seed: UInt64
    private let stream: UInt64
    private let counter: UInt32
    private var index: UInt32 = 0
    private var words: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    private var used = 4

    /// Starts the draws numbered `counter` of a stream.
    public init(seed: UInt64, stream: UInt64, counter: Int = 0) {
        self.seed = seed
        self.stream = stream
        self.counter = UInt32(truncatingIfNeeded: counter)
    }

    /// Starts the draws numbered `counter` of a stream that has a name.
    public init(seed: UInt64, stream: String, counter: Int = 0) {
        self.init(seed: seed, stream: Random.streamNumber(stream), counter: counter)
    }

    /// The number of a stream with this name: its FNV-1a hash, the same on every machine and in every process.
    public static func streamNumber(_ name: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }

    /// Four random words for key `seed` and counter (index, counter, stream).
    public static func block(
        seed: UInt64, stream: UInt64, counter: UInt32, index: UInt32
    ) -> (UInt32, UInt32, UInt32, UInt32) {
        var c0 = index
        var c1 = counter
        var c2 = UInt32(truncatingIfNeeded: stream)
        var c3 = UInt32(truncatingIfNeeded: stream >> 32)
        var k0 = UInt32(truncatingIfNeeded: seed)
        var k1 = UInt32(truncatingIfNeeded: seed >> 32)
        for _ in 0..<10 {
            let p0 = UInt64(0xD251_1F53) &* UInt64(c0)
            let p1 = UInt64(0xCD9E_8D57) &* UInt64(c2)
            (c0, c1, c2, c3) = (
                UInt32(truncatingIfNeeded: p1 >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: p1),
                UInt32(truncatingIfNeeded: p0 >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: p0)
            )
            k0 = k0 &+ 0x9E37_79B9
            k1 = k1 &+ 0xBB67_AE85
        }
        return (c0, c1, c2, c3)
    }

    /// The next 32 random bits.
    public mutating func nextWord() -> UInt32 {
        if used == 4 {
            words = Random.block(seed: seed, stream: stream, counter: counter, index: index)
            index &+= 1
            used = 0
        }
        used += 1
        switch used {
        case 1: return words.0
        case 2: return words.1
        case 3: return words.2
        default: return words.3
        }
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        let low = UInt64(nextWord())
        return low | UInt64(nextWord()) << 32
    }

    /// A number in [0, 1) with 53 random bits.
    public mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// A number of the standard normal distribution (Box–Muller; one draw uses two uniforms).
    public mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * .pi * uniform())
    }

    /// An integer in 0..<`bound`, without bias.
    public mutating func integer(below bound: Int) -> Int {
        Int.random(in: 0..<bound, using: &self)
    }

    /// The numbers 0..<`count` in random order.
    public mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        order.shuffle(using: &self)
        return order
    }
}
