import RenormArrays

/// How a file stores numbers: a type of arrays, or one that becomes another, wide enough for each of its values.
enum StoredType: Hashable, CaseIterable {
    case f32, f64, f16, bf16, i64, i32, i16, i8, u32, u16, u8, bool

    /// The size of a number in the file.
    var byteCount: Int {
        switch self {
        case .i8, .u8, .bool: 1
        case .f16, .bf16, .i16, .u16: 2
        case .f32, .i32, .u32: 4
        case .f64, .i64: 8
        }
    }

    /// The type of an array of such numbers.
    var elementType: ElementType {
        switch self {
        case .f32, .f16: .f32
        case .f64: .f64
        case .bf16: .bf16
        case .i64, .u32: .i64
        case .i32, .i16, .i8, .u16: .i32
        case .u8, .bool: .u8
        }
    }

    /// Whether numbers lie in an array as they do in the file.
    var isNative: Bool {
        switch self {
        case .f32, .f64, .bf16, .i64, .i32, .u8: true
        case .f16, .i16, .i8, .u32, .u16, .bool: false
        }
    }

    /// Copies numbers, the two of them a step of bytes apart, and widens them where an array has them wider. Neither side
    /// need be aligned.
    func copy(
        _ count: Int, from source: UnsafeRawPointer, step: Int, to target: UnsafeMutableRawPointer,
        step targetStep: Int
    ) {
        if isNative, step == byteCount, targetStep == byteCount {
            target.copyMemory(from: source, byteCount: count * byteCount)
            return
        }
        func each<From, To>(_ convert: (From) -> To) {
            for index in 0..<count {
                target.storeBytes(
                    of: convert(source.loadUnaligned(fromByteOffset: index * step, as: From.self)),
                    toByteOffset: index * targetStep, as: To.self)
            }
        }
        switch self {
        case .f32, .i32: each { (bits: UInt32) in bits }
        case .f64, .i64: each { (bits: UInt64) in bits }
        case .bf16: each { (bits: UInt16) in bits }
        case .u8: each { (bits: UInt8) in bits }
        case .f16: each { (bits: UInt16) in float(half: bits) }
        case .i16: each { (value: Int16) in Int32(value) }
        case .i8: each { (value: Int8) in Int32(value) }
        case .u16: each { (value: UInt16) in Int32(value) }
        case .u32: each { (value: UInt32) in Int64(value) }
        case .bool: each { (bits: UInt8) -> UInt8 in bits == 0 ? 0 : 1 }
        }
    }
}

/// The value of an IEEE half-precision number. (Swift's own `Float16` does not exist on every Mac.)
@inline(__always)
package func float(half bits: UInt16) -> Float {
    // The same bits as a float's have an exponent that is too small by 112, which also makes subnormal numbers right.
    let magnitude = Float(bitPattern: UInt32(bits & 0x7FFF) << 13) * 0x1p112
    let isFinite = bits & 0x7C00 != 0x7C00
    let exponent: UInt32 = isFinite ? 0 : 0x7F80_0000
    return Float(bitPattern: magnitude.bitPattern | exponent | UInt32(bits & 0x8000) << 16)
}
