import Foundation
import RenormArrays
import RenormFormats
import Testing

/// Files that would have something run, or memory or time without end; and damaged ones. Each is refused for its own reason.
@Suite struct HostileFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func message(_ name: String) throws -> String {
        let url = try PyTorchFixtures.file(name, in: folder)
        return try #require(throws: FormatError.self) { try NamedArrays(reading: url) }.description
            .replacingOccurrences(of: folder.url.path + "/", with: "")
    }

    @Test func hasAGoodFileInBothFormats() throws {
        for name in ["good.pth", "good-legacy.pth"] {
            let content = try NamedArrays(reading: PyTorchFixtures.file(name, in: folder))
            #expect(content.arrays == ["w": NDArray([1, 2, 3, 4] as [Float], shape: [4])])
        }
    }

    /// Files and the names that they speak; nothing is run, also where no tensor that is needed is concerned.
    @Test(arguments: [
        ("system.pth", "posix.system"), ("system-legacy.pth", "posix.system"),
        ("system-beside.pth", "posix.system"), ("system-stack.pth", "os.system"),
        ("system-instance.pth", "os.system"), ("eval.pth", "__builtin__.eval"),
    ])
    func aCommandIsRefusedByName(file: String, name: String) throws {
        #expect(
            try message(file)
                == "\(file) asks for \(name), and nothing that a file asks for is run. Expected tensors and plain values "
                + "alone. No weights need it: do not load this file in Python either.")
        #expect(!FileManager.default.fileExists(atPath: "/tmp/owned"))
    }

    @Test(arguments: [
        ("module.pth", "torch.nn.modules.linear.Linear"),
        ("module-legacy.pth", "torch.nn.modules.linear.Linear"),
        ("optimizer.pth", "torch.optim.sgd.SGD"),
    ])
    func aPickledObjectIsRefusedWithWhatToDo(file: String, name: String) throws {
        #expect(
            try message(file)
                == "\(file) asks for \(name), and nothing that a file asks for is run. Expected tensors and plain values "
                + "alone. If you trust whoever made it, load it in Python where its classes are installed, and save the weights "
                + "alone: torch.save(model.state_dict(), \"weights.pth\").")
    }

    @Test(arguments: ["quantized.pth", "sparse.pth", "meta.pth"])
    func tensorsOfOtherKindsAreRefusedByName(file: String) throws {
        #expect(try message(file).contains(" asks for torch._utils._rebuild_"))
    }

    @Test(arguments: [("float8.pth", "float8_e4m3fn"), ("complex.pth", "ComplexFloatStorage")])
    func numbersOfOtherTypesAreRefusedByName(file: String, type: String) throws {
        #expect(
            try message(file)
                == "\(file) holds \"w\" as \(type). Expected real numbers of 16 bits or more, or whole numbers. Convert the "
                + "tensor to one of these.")
    }

    /// Tensors that are not what their storages hold; no memory is asked for before that is known.
    @Test(arguments: [
        (
            "size.pth",
            "it has the shape [1152921504606846976], expected extents whose product is at most 2^40"
        ),
        (
            "sizes.pth",
            "it has the shape [2147483648, 2147483648, 2147483648], expected extents whose product is at most 2^40"
        ),
        (
            "beyond.pth",
            "its shape [2, 2], strides [3, 1] and offset 0 need more than the 16 bytes that its storage has"
        ),
        (
            "stride.pth",
            "its shape [2], strides [4611686018427387904] and offset 1 need more than the 16 bytes that its storage has"
        ),
        ("negative-stride.pth", "it has a negative offset or stride"),
        ("negative-offset.pth", "it has a negative offset or stride"),
        ("negative-size.pth", "it has the shape [-1], expected extents of at least 0"),
        (
            "expanded.pth",
            "it and the others would take 2199023255552 bytes, of which at most 16777248 are believed of this file"
        ),
    ])
    func aTensorOutsideItsStorageIsRefusedByName(file: String, reason: String) throws {
        #expect(
            try message(file)
                == "\(file) describes the tensor w wrongly: \(reason). Expected one that lies in its storage. Fetch or save "
                + "the file again.")
    }

    @Test(arguments: [
        ("storage-overflow.pth", "a/data.pkl: a storage has 4611686018427387904 numbers"),
        ("storage-two-ways.pth", "a/data.pkl: the storage \"0\" is described in two ways"),
        (
            "storage-count-legacy.pth",
            "its pickle: the storage \"0\" has 4 numbers where it lies, and 5 in the pickle"
        ),
        ("storage-missing-legacy.pth", "its pickle: the storage \"0\" is not listed"),
        ("storage-unknown-legacy.pth", "its pickle: a storage is listed that no tensor has"),
        ("memo.pth", "a/data.pkl: nothing is remembered as 4294967294"),
        ("bytes.pth", "a/data.pkl: it is cut off"), ("bytes8.pth", "a/data.pkl: it is cut off"),
        ("long.pth", "a/data.pkl: it is cut off"), ("cut.pth", "a/data.pkl: it is cut off"),
        ("no-mark.pth", "a/data.pkl: there is no mark on its stack"),
        ("empty-stack.pth", "a/data.pkl: its stack is empty"),
    ])
    func aWrongPickleIsRefused(file: String, reason: String) throws {
        let message = try message(file)
        #expect(message.hasPrefix("\(file) is damaged at byte "))
        #expect(
            message.hasSuffix(
                " of \(reason). Expected tensors and plain values, as torch.save writes them. Fetch or save it again."
            ))
    }

    @Test func aStorageLargerThanItsFileIsRefused() throws {
        #expect(
            try message("storage-legacy.pth")
                == "storage-legacy.pth ends after 186 bytes. Expected at least 4398046511290, by its header. Fetch or save "
                + "it again.")
    }

    @Test(arguments: [
        ("storage.pth", "the storage \"0\" has 16 bytes, and a/data.pkl says 4611686018427387904"),
        ("storage-missing.pth", "the storage \"1\" is missing"),
        ("checksum.pth", "\"a/data/0\" has another checksum than the archive's list says"),
        ("checksum-deflated.pth", "\"a/data/0\" has another checksum than the archive's list says"),
        ("method.pth", "\"a/data/0\" is packed by method 9; only 0 (stored) and 8 (deflate) are read"),
        ("twice.pth", "\"a/data/0\" is in it twice"),
        ("overlapping.pth", "\"b\" is not where the list of entries says"),
        ("same-place.pth", "\"a/data.pk2\" has another name in its own header than in the list of entries"),
        ("header-name.pth", "\"a/data/0\" has another name in its own header than in the list of entries"),
        ("inside.pth", "\"c\" lies upon another entry"),
        ("outside.pth", "\"a/data/0\" lies outside it"), ("long-entry.pth", "\"a/data/0\" is cut off"),
        (
            "bomb.pth",
            "its packed entries would become 2147483648 bytes, of which at most LIMIT are read"
        ),
        ("bomb-inside.pth", "\"a/data/0\" has more bytes than the archive's list says"),
        ("traversal.pth", "an entry is called \"../../etc/passwd\", which is no path inside it"),
        ("absolute.pth", "an entry is called \"/etc/passwd\", which is no path inside it"),
        ("backslash.pth", "an entry is called \"..\\x\", which is no path inside it"),
        ("no-end.pth", "it has no list of entries at its end, so it was cut off"),
    ])
    func aWrongArchiveIsRefused(file: String, reason: String) throws {
        let limit = try 20 * PyTorchFixtures.bytes(file).count + 1 << 26
        let reason = reason.replacingOccurrences(of: "LIMIT", with: "\(limit)")
        #expect(
            try message(file)
                == "\(file) is a damaged zip archive: \(reason). Expected one as torch.save writes it. Fetch or save it again."
        )
    }

    @Test(arguments: [
        ("list.pth", "it holds a list of 1, which is no dictionary"),
        ("number.pth", "it holds a number, which is no dictionary"),
        ("nothing.pth", "it has \"epoch\", but no tensors"),
    ])
    func aFileWithoutWeightsIsRefused(file: String, found: String) throws {
        #expect(
            try message(file)
                == "\(file) has no weights that can be found: \(found). Expected a dictionary of tensors by name, or one "
                + "inside it, such as under \"state_dict\". Save it in Python: torch.save(model.state_dict(), "
                + "\"weights.pth\").")
    }

    @Test func aProgramOfTorchScriptIsRefusedWithWhatToDo() throws {
        #expect(
            try message("script.pt")
                == "script.pt is a program of TorchScript's. Expected weights as safetensors or as torch.save writes them. "
                + "Save its weights in Python: torch.save(torch.jit.load(file, map_location=\"cpu\").state_dict(), "
                + "\"weights.pth\").")
    }

    @Test func otherByteOrdersAreRefused() throws {
        #expect(
            try message("big-endian.pth").hasPrefix(
                "big-endian.pth is a file of PyTorch's whose numbers have their largest byte first. "))
    }

    /// Lists of lists of lists, sixty deep and ten wide, lists inside lists two hundred thousand times, and values that hold
    /// themselves, cost what their bytes do.
    @Test(arguments: [("lists.pth", 1), ("nested.pth", 20), ("itself.pth", 1)])
    func whatIsDeepOrItselfDoesNoHarm(file: String, seconds: Int) throws {
        let url = try PyTorchFixtures.file(file, in: folder)
        let start = ContinuousClock.now
        let content = try NamedArrays(reading: url)
        #expect(content.arrays == ["w": NDArray([1, 2, 3, 4] as [Float], shape: [4])])
        #expect(ContinuousClock.now - start < .seconds(seconds))
    }

    @Test func noFileIsLeftOut() {
        #expect(PyTorchFixtures.all.count - PyTorchFixtures.whole.count == 63)
    }
}
