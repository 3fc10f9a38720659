/// The type of an array's elements.
public enum ElementType: String, Hashable, Sendable, Codable, CaseIterable {
    /// 32-bit IEEE floating point.
    case f32
    /// 64-bit IEEE floating point.
    case f64
    /// The upper 16 bits of an `f32`.
    case bf16
    /// 32-bit signed integers: labels.
    case i32
    /// 64-bit signed integers: counters in files.
    case i64
    /// Bytes: pixels as they are stored.
    case u8

    /// The size of one element in bytes.
    public var byteCount: Int {
        switch self {
        case .u8: 1
        case .bf16: 2
        case .f32, .i32: 4
        case .f64, .i64: 8
        }
    }

    /// Whether values of this type have fractions.
    public var isFloatingPoint: Bool { self == .f32 || self == .f64 || self == .bf16 }

    /// The type of sums of values of this type: bf16 has too few bits to add in.
    public var ofSums: ElementType { self == .bf16 ? .f32 : self }
}

/// A Swift type that an array can hold.
public protocol ArrayElement: Sendable {
    /// The element type of an array of these values.
    static var elementType: ElementType { get }
    /// The value as a `Double` (exact for every supported type but very large 64-bit integers).
    var asDouble: Double { get }
    /// The value nearest to `double`; integers are truncated towards zero and saturate.
    init(nearestTo double: Double)
}

extension Float: ArrayElement {
    /// `f32`.
    public static var elementType: ElementType { .f32 }
    /// The value, widened.
    public var asDouble: Double { Double(self) }
    /// The value, rounded.
    public init(nearestTo double: Double) { self.init(double) }
}

extension Double: ArrayElement {
    /// `f64`.
    public static var elementType: ElementType { .f64 }
    /// The value itself.
    public var asDouble: Double { self }
    /// The value itself.
    public init(nearestTo double: Double) { self = double }
}

extension ArrayElement where Self: FixedWidthInteger {
    /// The value as a floating-point number.
    public var asDouble: Double { Double(self) }
    /// The value truncated towards zero, saturating at the type's ends; NaN becomes 0.
    public init(nearestTo double: Double) {
        if double.isNaN {
            self = 0
        } else if double >= Double(Self.max) {
            self = Self.max
        } else if double <= Double(Self.min) {
            self = Self.min
        } else {
            self.init(double)
        }
    }
}

extension Int32: ArrayElement {
    /// `i32`.
    public static var elementType: ElementType { .i32 }
}

extension Int64: ArrayElement {
    /// `i64`.
    public static var elementType: ElementType { .i64 }
}

extension UInt8: ArrayElement {
    /// `u8`.
    public static var elementType: ElementType { .u8 }
}

/// A 16-bit float with the exponent range of `Float` and 8 bits of precision.
public struct BFloat16: ArrayElement, Hashable {
    /// The stored bits: the upper half of the `Float`'s.
    public var bitPattern: UInt16

    /// Makes a value from its bits.
    public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

    /// `bf16`.
    public static var elementType: ElementType { .bf16 }

    /// The value, widened.
    public var asDouble: Double { Double(Float(bitPattern: UInt32(bitPattern) << 16)) }

    /// The value rounded to the nearest, ties to even; NaN stays NaN.
    public init(nearestTo double: Double) {
        let bits = Float(double).bitPattern
        if double.isNaN {
            bitPattern = UInt16(bits >> 16) | 0x40
        } else {
            bitPattern = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
        }
    }
}
