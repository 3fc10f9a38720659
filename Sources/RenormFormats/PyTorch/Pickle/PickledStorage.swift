/// A storage as a pickle describes it: numbers that tensors are views of, which lie elsewhere in the file.
struct PickledStorage {
    /// The whole that lies in the file.
    struct Root: Hashable {
        var key: String
        var byteCount: Int
        /// The size of a number, in which the old format counts.
        var unit: Int
        /// Whether it was saved without its numbers.
        var isMeta: Bool
    }

    /// What kind of numbers it holds.
    struct Kind {
        let name: String
        /// `nil` where the tensor says it, and for numbers that are not read.
        let type: StoredType?
        /// The bytes of a number.
        let unit: Int

        /// The kind by the name of its class in PyTorch; `nil` if there is none.
        init?(name: String) {
            switch name {
            case "FloatStorage": type = .f32
            case "DoubleStorage": type = .f64
            case "HalfStorage": type = .f16
            case "BFloat16Storage": type = .bf16
            case "LongStorage": type = .i64
            case "IntStorage": type = .i32
            case "ShortStorage": type = .i16
            case "CharStorage": type = .i8
            case "ByteStorage": type = .u8
            case "BoolStorage": type = .bool
            case "UntypedStorage", "_UntypedStorage", "QInt8Storage", "QUInt8Storage", "QUInt4x2Storage",
                "QUInt2x4Storage", "QInt32Storage", "ComplexFloatStorage", "ComplexDoubleStorage":
                type = nil
            default: return nil
            }
            self.name = name
            unit =
                type?.byteCount ?? [
                    "QInt32Storage": 4, "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16,
                ][name] ?? 1
        }
    }

    let root: Root
    let kind: Kind
    /// Which of the root's bytes it has.
    let bytes: Range<Int>
}

extension PickleMachine {
    /// The storage that a persistent name describes: `("storage", class, key, where it was, count)`, in the old format with
    /// one more, the part that a view has: `(key, begin, count)` or nothing.
    mutating func storage(_ description: [PickleValue]) throws -> PickleObject {
        if case .text("module")? = description.first {
            throw FormatError.forbiddenGlobal(
                path: input.path, name: "a module's class and its source",
                remedy: PickleGlobal.remedy(for: "", ""))
        }
        guard (5...6).contains(description.count), case .text("storage") = description[0],
            case .global(.storage(let kind)) = try object(description[1]),
            case .text(let key) = description[2],
            case .text(let location) = description[3], case .integer(let count) = description[4]
        else { throw malformed("a storage is described wrongly") }
        let byteCount = count.multipliedReportingOverflow(by: kind.unit)
        guard count >= 0, !byteCount.overflow else { throw malformed("a storage has \(count) numbers") }
        let root = PickledStorage.Root(
            key: key, byteCount: byteCount.partialValue, unit: kind.unit, isMeta: location == "meta")
        if let other = storages[key], other != root {
            throw malformed("the storage \"\(key)\" is described in two ways")
        }
        storages[key] = root
        var bytes = 0..<root.byteCount
        if description.count == 6, case .object = description[5] {
            let part = try tuple(description[5])
            guard part.count == 3, case .integer(let start) = part[1], case .integer(let size) = part[2],
                start >= 0, size >= 0, start <= count, size <= count - start
            else { throw malformed("a part of the storage \"\(key)\" is none") }
            bytes = start * kind.unit..<(start + size) * kind.unit
        }
        return .storage(PickledStorage(root: root, kind: kind, bytes: bytes))
    }
}
