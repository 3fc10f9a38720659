import COneDNN
import RenormArrays
import RenormEngines
import RenormGraphs
import RenormKernels

/// Variables in the engine's memory, as f32. The weight of a convolution may lie in a packed layout of oneDNN's choice,
/// which the first executable that trains it decides; reading and writing convert from and to PyTorch's shape.
final class OneDNNStore: Store, @unchecked Sendable {
    /// A variable's memory.
    final class Entry {
        let kind: VariableKind
        let shape: TensorShape
        let type: ElementType
        let memory: UnsafeMutableRawPointer
        /// The packed layout, or nil for the plain one.
        fileprivate(set) var layout: MemoryDescriptor?
        /// Whether some graph needs the order of its axes, so that it must not be packed.
        fileprivate(set) var staysPlain = false
        /// Grows when the value changes.
        fileprivate(set) var version = 0

        fileprivate init(_ variable: Variable) {
            kind = variable.kind
            shape = variable.value.shape
            type = variable.value.type
            memory = .allocateForArrays(byteCount: 4 * variable.value.elementCount)
        }

        deinit { memory.deallocate() }
    }

    private(set) var version = 0
    /// Grows when a variable's place or layout changes.
    private(set) var structureVersion = 0

    private let library: OneDNNLibrary
    private let threads: Int
    private var entries: [String: Entry] = [:]
    private var paths: [String] = []

    init(_ variables: Variables, library: OneDNNLibrary, threads: Int) throws {
        self.library = library
        self.threads = threads
        try write(variables)
    }

    /// The memory of a variable.
    func entry(_ path: String) -> Entry? { entries[path] }

    /// What an executable finds: for variables that are packed their layout, for those that stay plain nil.
    func layouts(of paths: some Sequence<String>) -> [String: MemoryDescriptor?] {
        var result: [String: MemoryDescriptor?] = [:]
        for path in paths {
            guard let entry = entries[path] else { continue }
            if let layout = entry.layout {
                result[path] = .some(layout)
            } else if entry.staysPlain {
                result[path] = .some(nil)
            }
        }
        return result
    }

    /// Says that a run has changed values.
    func advance(_ changed: [Entry]) {
        version += 1
        for entry in changed { entry.version += 1 }
    }

    // MARK: Reading and writing

    func read() throws -> Variables {
        var result = Variables()
        for path in paths { result[path] = Variable(kind: entries[path]!.kind, value: try read(path)) }
        return result
    }

    func read(_ path: String) throws -> NDArray {
        guard let entry = entries[path] else {
            throw EngineError.variable(path: path, found: "missing", expected: "a variable of the store")
        }
        var array = NDArray(uninitialized: entry.shape)
        try array.withUnsafeMutableBytes { bytes in
            if let layout = entry.layout {
                try reorder(entry.memory, layout, bytes.baseAddress!, try layout.plain())
            } else {
                bytes.copyMemory(from: UnsafeRawBufferPointer(start: entry.memory, count: bytes.count))
            }
        }
        return array.converted(to: entry.type)
    }

    func write(_ variables: Variables) throws {
        for (path, variable) in variables {
            guard let entry = entries[path], entry.shape != variable.value.shape else { continue }
            throw EngineError.variable(
                path: path, found: "\(entry.shape)", expected: "\(variable.value.shape)")
        }
        for (path, variable) in variables {
            let entry = entries[path] ?? Entry(variable)
            if entries[path] == nil {
                entries[path] = entry
                paths.append(path)
                structureVersion += 1
            }
            entry.version += 1
            try variable.value.converted(to: .f32).withUnsafeBytes { bytes in
                if let layout = entry.layout {
                    try reorder(
                        UnsafeMutableRawPointer(mutating: bytes.baseAddress!), try layout.plain(),
                        entry.memory, layout)
                } else {
                    entry.memory.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
                }
            }
        }
        version += 1
    }

    func copy(_ origins: [String: String], from source: any Store) throws {
        guard let source = source as? OneDNNStore else { throw EngineError.foreignStore(engine: "onednn") }
        let pairs = try origins.map { path, origin in
            guard let target = entries[path] else {
                throw EngineError.variable(path: path, found: "missing", expected: "a variable of the store")
            }
            guard let entry = source.entries[origin], entry.shape == target.shape else {
                throw EngineError.variable(
                    path: origin, found: source.entries[origin].map { "\($0.shape)" } ?? "missing",
                    expected: "\(target.shape)")
            }
            return (from: entry, to: target)
        }
        try EngineThread.shared.run(threads: threads) {
            for (from, to) in pairs where from !== to {
                if from.layout == to.layout {
                    to.memory.copyMemory(from: from.memory, byteCount: 4 * to.shape.elementCount)
                } else if let described = from.layout ?? to.layout {
                    let plain = try described.plain()
                    try reorderHere(from.memory, from.layout ?? plain, to.memory, to.layout ?? plain)
                }
            }
        }
        advance(pairs.map(\.to))
    }

    // MARK: Layouts

    /// Gives a variable another layout, once and for all executables. On the engine's thread.
    func setLayout(_ path: String, _ layout: MemoryDescriptor?, staysPlain: Bool) throws {
        guard let entry = entries[path] else { return }
        if staysPlain { entry.staysPlain = true }
        guard entry.layout != layout, let described = layout ?? entry.layout else { return }
        let byteCount = 4 * entry.shape.elementCount
        let copy = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        defer { copy.deallocate() }
        copy.copyMemory(from: entry.memory, byteCount: byteCount)
        let plain = try described.plain()
        try reorderHere(copy, entry.layout ?? plain, entry.memory, layout ?? plain)
        entry.layout = layout
        structureVersion += 1
    }

    private func reorder(
        _ source: UnsafeMutableRawPointer, _ sourceLayout: MemoryDescriptor,
        _ target: UnsafeMutableRawPointer, _ targetLayout: MemoryDescriptor
    ) throws {
        try EngineThread.shared.run(threads: threads) {
            try reorderHere(source, sourceLayout, target, targetLayout)
        }
    }

    private func reorderHere(
        _ source: UnsafeMutableRawPointer, _ sourceLayout: MemoryDescriptor,
        _ target: UnsafeMutableRawPointer, _ targetLayout: MemoryDescriptor
    ) throws {
        let primitive = try Primitive(reorder: library, from: sourceLayout, to: targetLayout)
        let (from, to) = (Int(onednn_argument_source), Int(onednn_argument_destination))
        try primitive.make(arguments: [(from, sourceLayout), (to, targetLayout)])
        let scratch = UnsafeMutableRawPointer.allocate(
            byteCount: max(primitive.scratchByteCount, 1), alignment: 64)
        defer { scratch.deallocate() }
        primitive.setMemory(of: from, source)
        primitive.setMemory(of: to, target)
        primitive.setScratch(scratch)
        try primitive.run()
    }
}
