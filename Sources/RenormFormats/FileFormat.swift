import Foundation

/// What a file is by its first bytes: the formats that weights come in, and others that people take for them.
enum FileFormat: Equatable {
    case safetensors, zip, legacyPyTorch, onnx
    /// Everything else: what it is, and what to do.
    case other(found: String, remedy: String)

    /// Opens a file and tells its format. TensorFlow's is a folder, which is told by the file in it.
    ///
    /// - Throws: `FormatError.unreadable`, `.unknownFormat`.
    static func opened(_ url: URL) throws -> (InputFile, FileFormat) {
        if FileManager.default.fileExists(atPath: url.appendingPathComponent("saved_model.pb").path) {
            throw FormatError.unknownFormat(
                path: url.path, found: savedModel.found, remedy: savedModel.remedy)
        }
        let file = try InputFile(url)
        let head = try file.bytes(0..<min(file.size, headSize))
        return (file, FileFormat(head: head))
    }

    /// So many bytes tell a format.
    static let headSize = 512

    /// Tells a format.
    ///
    /// - Parameter head: The first bytes, `headSize` of them where the file has them.
    init(head: [UInt8]) {
        func begins(_ bytes: [UInt8], at place: Int = 0) -> Bool { head.dropFirst(place).starts(with: bytes) }
        func text(_ text: String) -> Bool {
            let start = head.drop { $0 <= 0x20 || [0xEF, 0xBB, 0xBF].contains($0) }
            return String(decoding: start, as: UTF8.self).lowercased().hasPrefix(text)
        }
        if begins(Array("{".utf8), at: 8), begins([0, 0, 0, 0], at: 4) {
            self = .safetensors
        } else if begins([0x50, 0x4B, 3, 4]) || begins([0x50, 0x4B, 5, 6]) {
            self = .zip
        } else if [2, 11].contains(where: { begins(NamedArrays.legacyMagic, at: $0) }), head[0] == 0x80 {
            // After the protocol, and from protocol 4 on the length of a frame.
            self = .legacyPyTorch
        } else if begins([8]), head.count > 2, (1...64).contains(head[1]),
            !begins(FileFormat.savedModelStart),
            FileFormat.onnxTags.contains(head[2])
        {
            self = .onnx
        } else if let known = FileFormat.binary.first(where: { begins($0.bytes, at: $0.place) }) {
            self = .other(found: known.found, remedy: known.remedy)
        } else if let known = FileFormat.texts.first(where: { text($0.start) }) {
            self = .other(found: known.found, remedy: known.remedy)
        } else if head.isEmpty {
            self = .other(found: "empty", remedy: "Fetch or save it again.")
        } else {
            self = .other(
                found: "of no known format",
                remedy: "Check that this is the right file, or fetch or save it again.")
        }
    }

    /// What to do about files of Keras and NumPy, and about what PyTorch compiled.
    static let keras =
        "Turn it into safetensors: python3 scripts/keras_to_safetensors.py FILE (it needs h5py)."
    static let numpy =
        "Turn its arrays, under the network's names, into safetensors: safetensors.numpy.save_file in Python."
    static let torchScript =
        "Save its weights in Python: torch.save(torch.jit.load(file, map_location=\"cpu\").state_dict(), "
        + "\"weights.pth\")."
    private static let savedModel = (
        found: "a SavedModel of TensorFlow's",
        remedy: "Save it as Keras' file, and turn that into safetensors by scripts/keras_to_safetensors.py."
    )

    /// What TensorFlow's file starts with; one of ONNX's first version of 2017 could too.
    private static let savedModelStart: [UInt8] = [8, 1, 0x12]

    /// What can follow the version of the format, the first field of an ONNX file: producer, its version, domain, version of the
    /// model, documentation, graph, operators' version.
    private static let onnxTags: [UInt8] = [0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42]

    /// Formats by bytes at a place.
    private static let binary: [(place: Int, bytes: [UInt8], found: String, remedy: String)] = [
        (0, [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "an HDF5 file (.h5)", keras),
        (0, [0x93] + Array("NUMPY".utf8), "an array of NumPy's (.npy)", numpy),
        (0, savedModelStart, savedModel.found, savedModel.remedy),
        (
            4, Array("TFL3".utf8), "a TensorFlow Lite model",
            "Use the model that it was made from: Keras' file, by scripts/keras_to_safetensors.py."
        ),
        (
            0, Array("GGUF".utf8), "a GGUF file",
            "Weights of that format are of language models, which are not read."
        ),
        (
            0, [0x80], "a pickle of Python's that torch.save did not write",
            "If you trust whoever made it, load it in Python and save its tensors by torch.save or as safetensors."
        ),
        (
            257, Array("ustar".utf8), "a tar archive, as PyTorch wrote it before 2017 and others do",
            "Load it in Python and save its weights again, or unpack it."
        ),
        (0, [0x1F, 0x8B], "compressed by gzip", "Unpack it: gunzip."),
        (0, [0xFD, 0x37, 0x7A, 0x58, 0x5A], "compressed by xz", "Unpack it: unxz."),
        (0, [0x42, 0x5A, 0x68], "compressed by bzip2", "Unpack it: bunzip2."),
        (0, [0x28, 0xB5, 0x2F, 0xFD], "compressed by zstd", "Unpack it: unzstd."),
        (0, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", "Unpack it."),
        (0, [0x52, 0x61, 0x72, 0x21], "a RAR archive", "Unpack it."),
    ]

    /// Texts by how they start, in small letters.
    private static let texts: [(start: String, found: String, remedy: String)] =
        ["<!doctype html", "<html", "<?xml"].map {
            (
                $0, "a web page, perhaps what a server answered in place of the file",
                "Fetch the file itself: open the address in a browser to see what it says."
            )
        } + [
            (
                "version https://git-lfs", "a pointer of git-lfs, not the file that it stands for",
                "Fetch that by: git lfs pull."
            ),
            (
                "{", "a JSON text",
                "Where it is the index of several files of weights, join them: load each in Python and save all tensors "
                    + "by safetensors.torch.save_file."
            ),
        ]
}

extension ONNXModel {
    /// Whether a file is an ONNX model by its first bytes.
    ///
    /// - Throws: `FormatError.unreadable`.
    package static func isONNX(_ url: URL) throws -> Bool { try FileFormat.opened(url).1 == .onnx }
}
