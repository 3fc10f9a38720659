#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The C library's functions under names that tensors and schedules do not shadow.
enum Math {
    static func cosine(_ x: Double) -> Double { cos(x) }

    static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
}
