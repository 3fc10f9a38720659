import Foundation

/// What a file is by its first bytes: the formats that weights come in, and others that people take for them.
enum FileFormat: Equatable {
    case safetensors, zip, legacyPyTorch, onnx
    /// Everything else: what it is, and what to do.
    case other(found: String, remedy: String)

    /// So many bytes tell a format.
    static let headSize = 512

    /// Tells a format.
    ///
    /// - Parameters:
    ///   - head: The first bytes, `headSize` of them where the file has them.
    ///   - size: The whole file's.
    init(head: [UInt8], size: Int) {
        func begins(_ bytes: [UInt8], at place: Int = 0) -> Bool { head.dropFirst(place).starts(with: bytes) }
        func begins(_ text: String, at place: Int = 0) -> Bool { begins(Array(text.utf8), at: place) }
        let text = String(
            decoding: head.drop { $0 <= 0x20 || [0xEF, 0xBB, 0xBF].contains($0) }, as: UTF8.self
        )
        .lowercased()
        if head.isEmpty {
            self = .other(found: "empty", remedy: "Fetch or save it again.")
        } else if head.count > 8, begins("{", at: 8), begins([0, 0, 0, 0], at: 4) {
            self = .safetensors
        } else if begins([0x50, 0x4B, 3, 4]) || begins([0x50, 0x4B, 5, 6]) {
            self = .zip
        } else if begins([0x80]) {
            // After the protocol, and from protocol 4 on the length of a frame.
            let isPyTorch = [2, 11].contains { begins(Array(NamedArrays.legacyMagic), at: $0) }
            self = isPyTorch ? .legacyPyTorch : FileFormat.plainPickle
        } else if head.count > 2, head[0] == 0x08, (1...64).contains(head[1]),
            FileFormat.onnxTags.contains(head[2])
        {
            self = .onnx
        } else if let (_, found, remedy) = FileFormat.others.first(where: { begins($0.0) }) {
            self = .other(found: found, remedy: remedy)
        } else if begins("ustar", at: 257) {
            self = .other(
                found: "a tar archive, as PyTorch wrote it before 2017 and others do",
                remedy: "Load it in Python and save its weights again, or unpack it.")
        } else if begins("TFL3", at: 4) {
            self = .other(
                found: "a TensorFlow Lite model",
                remedy:
                    "Use the model that it was made from: Keras' file, by scripts/keras_to_safetensors.py.")
        } else if text.hasPrefix("<!doctype html") || text.hasPrefix("<html") || text.hasPrefix("<?xml") {
            self = .other(
                found: "a web page, perhaps what a server answered in place of the file",
                remedy: "Fetch the file itself: open the address in a browser to see what it says.")
        } else if text.hasPrefix("version https://git-lfs") {
            self = .other(
                found: "a pointer of git-lfs, not the file that it stands for",
                remedy: "Fetch that by: git lfs pull.")
        } else if text.hasPrefix("{") {
            self = .other(
                found: "a JSON text",
                remedy:
                    "Where it is the index of several files of weights, join them: load each in Python and save "
                    + "all tensors by safetensors.torch.save_file.")
        } else {
            self = FileFormat.unknown
        }
    }

    /// What can follow the version of the format, the first field of an ONNX file: producer, its version, domain, version of the
    /// model, documentation, graph, operators' version.
    private static let onnxTags: [UInt8] = [0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42]

    /// Formats by their first bytes.
    private static let others: [([UInt8], found: String, remedy: String)] = [
        ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "an HDF5 file (.h5)", keras),
        (
            Array("\u{93}".unicodeScalars.map { UInt8($0.value) }) + Array("NUMPY".utf8),
            "an array of NumPy's (.npy)", numpy
        ),
        (
            Array("GGUF".utf8), "a GGUF file",
            "Weights of that format are of language models, which are not read."
        ),
        ([0x1F, 0x8B], "compressed by gzip", "Unpack it: gunzip."),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "compressed by xz", "Unpack it: unxz."),
        ([0x42, 0x5A, 0x68], "compressed by bzip2", "Unpack it: bunzip2."),
        ([0x28, 0xB5, 0x2F, 0xFD], "compressed by zstd", "Unpack it: unzstd."),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", "Unpack it."),
        ([0x52, 0x61, 0x72, 0x21], "a RAR archive", "Unpack it."),
    ]

    /// What to do about files of Keras and NumPy.
    static let keras =
        "Turn it into safetensors: python3 scripts/keras_to_safetensors.py FILE (it needs h5py)."
    static let numpy =
        "Turn its arrays, under the network's names, into safetensors: safetensors.numpy.save_file in Python."

    /// What to do about what PyTorch compiled.
    static let torchScript =
        "Save its weights in Python: torch.save(torch.jit.load(file, map_location=\"cpu\").state_dict(), "
        + "\"weights.pth\")."

    private static let plainPickle = FileFormat.other(
        found: "a pickle of Python's that torch.save did not write",
        remedy:
            "If you trust whoever made it, load it in Python and save its tensors by torch.save or as safetensors."
    )

    static let unknown = FileFormat.other(
        found: "of no known format", remedy: "Check that this is the right file, or fetch or save it again.")
}

extension ONNXModel {
    /// Whether a file is an ONNX model by its first bytes.
    ///
    /// - Throws: `FormatError.unreadable`.
    package static func isONNX(_ url: URL) throws -> Bool {
        let file = try InputFile(url)
        return try FileFormat(head: file.bytes(0..<min(file.size, FileFormat.headSize)), size: file.size)
            == .onnx
    }
}
