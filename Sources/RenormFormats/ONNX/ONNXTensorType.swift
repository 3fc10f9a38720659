import RenormArrays

/// The types of arrays in a file, by the format's numbers.
enum ONNXTensorType {
    /// How numbers of a type are stored; `nil` for one that is not read.
    static func stored(_ number: Int) -> StoredType? {
        switch number {
        case 1: .f32
        case 2: .u8
        case 3: .i8
        case 4: .u16
        case 5: .i16
        case 6: .i32
        case 7: .i64
        case 9: .bool
        case 10: .f16
        case 11: .f64
        case 12: .u32
        case 16: .bf16
        default: nil
        }
    }

    /// The number of an array's type.
    static func number(_ type: ElementType) -> Int {
        switch type {
        case .f32: 1
        case .u8: 2
        case .i32: 6
        case .i64: 7
        case .f64: 11
        case .bf16: 16
        }
    }

    /// What a type that is not read is called.
    static func name(_ number: Int) -> String {
        switch number {
        case 8: "texts"
        case 13: "64-bit numbers without a sign"
        case 14, 15: "complex numbers"
        default: "numbers of type \(number)"
        }
    }
}
