import RenormKernels
import Testing

/// The passes, each against plain loops in double, on every instruction set of this machine, with and without a team.
@Suite struct KernelTests {}

/// A team for the length of a test, or none.
final class Team: CustomStringConvertible {
    let pointer: OpaquePointer?
    let threads: Int32
    let description: String

    /// Without a team: the calling thread alone.
    init() {
        pointer = nil
        threads = 1
        description = "no team"
    }

    init?(threads: Int32, instructions: renorm_instructions) {
        guard let team = renorm_team_create(threads, nil, nil, nil) else { return nil }
        guard renorm_team_select(team, instructions) != 0 else {
            renorm_team_destroy(team)
            return nil
        }
        pointer = team
        self.threads = threads
        description = "\(threads) threads, \(instructions)"
    }

    deinit {
        if let pointer { renorm_team_destroy(pointer) }
    }

    /// No team, and teams of one, two and three threads on each instruction set that this machine has.
    static var all: [Team] {
        let sets: [renorm_instructions] = [.baseline, .avx2, .avx512]
        return [Team()]
            + sets.flatMap { set in [1, 2, 3].compactMap { Team(threads: $0, instructions: set) } }
    }
}

/// Numbers that look random and are the same in every run.
struct Numbers {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    /// In [0, 1).
    mutating func unit() -> Double {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Double(state >> 11) * 0x1p-53
    }

    /// Of mean `mean` and about deviation `deviation`, as a sum of uniforms.
    mutating func normal(_ mean: Double = 0, _ deviation: Double = 1) -> Float {
        let sum = unit() + unit() + unit() + unit() - 2
        return Float(mean + deviation * sum * 3.squareRoot())
    }

    mutating func array(_ count: Int, mean: Double = 0, deviation: Double = 1) -> [Float] {
        (0..<count).map { _ in normal(mean, deviation) }
    }
}

/// The first place where `actual` is further from `expected` than the tolerances allow, in words; nil if none is.
func difference(
    _ actual: [Float], _ expected: [Double], relative: Double, absolute: Double = 0
) -> String? {
    guard actual.count == expected.count else { return "\(actual.count) values, expected \(expected.count)" }
    for (i, (a, e)) in zip(actual, expected).enumerated() {
        if e.isNaN ? a.isNaN : Double(a) == e { continue }
        if e.isInfinite || a.isNaN || abs(Double(a) - e) > absolute + relative * abs(e) {
            return "element \(i) is \(a), expected \(e)"
        }
    }
    return nil
}

func withScratch<Result>(_ bytes: Int, _ body: (UnsafeMutableRawPointer) -> Result) -> Result {
    // Not zeroed: its content must mean nothing.
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: bytes + 64, alignment: 64)
    scratch.initializeMemory(as: UInt8.self, repeating: 0xff, count: bytes + 64)
    defer { scratch.deallocate() }
    return body(scratch)
}
