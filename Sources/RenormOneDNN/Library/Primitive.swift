import COneDNN

/// A computation of oneDNN's, made for shapes and layouts, with its arguments. Its scratch memory is handed in.
final class Primitive {
    let library: OneDNNLibrary
    private let descriptor: OpaquePointer
    private var handle: OpaquePointer?
    private var memories: [OpaquePointer] = []
    private var arguments: UnsafeMutablePointer<onednn_argument>?
    private var places: [Int: Int] = [:]

    /// Describes a computation: `describe` calls oneDNN's function with where to write, and the attributes.
    ///
    /// - Parameter epilogue: What happens to each result before it is stored.
    init(
        _ library: OneDNNLibrary, _ doing: @autoclosure () -> String, epilogue: Epilogue? = nil,
        _ describe: (UnsafeMutablePointer<OpaquePointer?>, OpaquePointer?) -> onednn_status
    ) throws {
        self.library = library
        var attributes: OpaquePointer?
        try OneDNNLibrary.check(library.functions.primitive_attr_create(&attributes), doing())
        defer { _ = library.functions.primitive_attr_destroy(attributes) }
        try OneDNNLibrary.check(
            library.functions.primitive_attr_set_scratchpad_mode(
                attributes, UInt32(onednn_scratchpad_user)),
            doing())
        try epilogue?.add(to: attributes, library, doing())
        var descriptor: OpaquePointer?
        try OneDNNLibrary.check(describe(&descriptor, attributes), doing())
        self.descriptor = descriptor!
    }

    /// A change of layout.
    convenience init(
        reorder library: OneDNNLibrary, from source: MemoryDescriptor, to target: MemoryDescriptor
    )
        throws
    {
        try self.init(library, "planning a change of layout of \(source.sizes)") { result, attributes in
            library.functions.reorder_primitive_desc_create(
                result, source.handle, library.engine, target.handle, library.engine, attributes)
        }
    }

    deinit {
        for memory in memories { _ = library.functions.memory_destroy(memory) }
        arguments?.deallocate()
        if let handle { _ = library.functions.primitive_destroy(handle) }
        _ = library.functions.primitive_desc_destroy(descriptor)
    }

    /// The description, which a backward computation takes as its hint.
    var hint: OpaquePointer { descriptor }

    /// The layout of what is passed as an argument.
    func layout(ofArgument argument: Int) throws -> MemoryDescriptor {
        try layout(of: Int(onednn_query_argument), argument)
    }

    /// The layout of an operand.
    func layout(of query: Int, _ index: Int = 0) throws -> MemoryDescriptor {
        let found = library.functions.primitive_desc_query_md(descriptor, UInt32(query), CInt(index))
        guard let layout = found else {
            throw OneDNNError.status(code: 2, doing: "asking \(implementation) for the layout of an operand")
        }
        return try MemoryDescriptor(library, copying: layout)
    }

    /// The size of an operand in bytes.
    func byteCount(of query: Int) -> Int {
        let layout = library.functions.primitive_desc_query_md(descriptor, UInt32(query), 0)
        return layout.map(library.functions.memory_desc_get_size) ?? 0
    }

    /// The scratch memory it needs, in bytes.
    var scratchByteCount: Int { byteCount(of: Int(onednn_query_scratchpad)) }

    /// The name of the implementation that oneDNN chose.
    var implementation: String {
        var name: UnsafePointer<CChar>?
        _ = library.functions.primitive_desc_query(
            descriptor, UInt32(onednn_query_implementation), 0, &name)
        return name.map { String(cString: $0) } ?? ""
    }

    /// Generates the code, for arguments of the given layouts (the scratch memory is added). Their memory is set by
    /// `setMemory`.
    func make(arguments: [(argument: Int, layout: MemoryDescriptor)]) throws {
        try OneDNNLibrary.check(
            library.functions.primitive_create(&handle, descriptor), "making \(implementation)")
        var all = arguments
        if scratchByteCount > 0 {
            places[Int(onednn_argument_scratchpad)] = all.count
            all.append((Int(onednn_argument_scratchpad), try layout(of: Int(onednn_query_scratchpad))))
        }
        let list = UnsafeMutablePointer<onednn_argument>.allocate(capacity: all.count)
        self.arguments = list
        for (index, (argument, layout)) in all.enumerated() {
            var memory: OpaquePointer?
            try OneDNNLibrary.check(
                library.functions.memory_create(&memory, layout.handle, library.engine, nil),
                "making an argument of \(implementation)")
            memories.append(memory!)
            list[index] = onednn_argument(arg: CInt(argument), memory: memory)
            places[argument] = index
        }
    }

    /// Where an argument lies from now on.
    func setMemory(of argument: Int, _ pointer: UnsafeMutableRawPointer?) {
        guard let place = places[argument] else { return }
        _ = library.functions.memory_set_data_handle(memories[place], pointer)
    }

    /// Where its scratch memory lies from now on.
    func setScratch(_ pointer: UnsafeMutableRawPointer) {
        setMemory(of: Int(onednn_argument_scratchpad), pointer)
    }

    /// Computes. Allocates nothing.
    func run() throws {
        let status = library.functions.primitive_execute(
            handle, library.stream, CInt(memories.count), arguments)
        if status != 0 { throw OneDNNError.status(code: Int(status), doing: "running \(implementation)") }
    }
}
