import Foundation
import RenormArrays

extension NamedArrays {
    /// Reads a file of weights: safetensors, PyTorch's in both its formats (`torch.save`), or the arrays of an ONNX file. Its first
    /// bytes tell which it is.
    ///
    /// Nothing in a file is run. A checkpoint of PyTorch's may hold much besides; the weights in it are found, and `remarks`
    /// says where. Half-precision numbers become `f32`, small whole numbers `i32` and truth values `u8`.
    ///
    /// - Parameters:
    ///   - url: The file.
    ///   - name: Under which name a checkpoint's weights are, where there are several or it is unusual.
    /// - Throws: `FormatError`, which says of other formats what they are and what to do.
    public init(reading url: URL, under name: String? = nil) throws {
        if FileManager.default.fileExists(atPath: url.appendingPathComponent("saved_model.pb").path) {
            throw FormatError.unknownFormat(
                path: url.path, found: "a SavedModel of TensorFlow's",
                remedy:
                    "Save it as Keras' file, and turn that into safetensors by scripts/keras_to_safetensors.py."
            )
        }
        let file = try InputFile(url)
        let head = try file.bytes(0..<min(file.size, FileFormat.headSize))
        switch FileFormat(head: head, size: file.size) {
        case .safetensors: try self.init(safetensors: file)
        case .zip:
            let archive = try ZipArchive(file)
            switch ArchiveContent(archive) {
            case .pyTorch(let folder): try self.init(pytorch: archive, folder: folder, under: name)
            case .other(let found, let remedy):
                throw FormatError.unknownFormat(path: file.path, found: found, remedy: remedy)
            }
        case .legacyPyTorch: try self.init(legacyPyTorch: file, under: name)
        case .onnx: try self.init(onnx: url)
        case .other(let found, let remedy):
            throw FormatError.unknownFormat(path: file.path, found: found, remedy: remedy)
        }
    }
}

/// What a zip archive holds, by the names of its entries.
private enum ArchiveContent {
    /// Weights that torch.save wrote, in a folder of the archive.
    case pyTorch(folder: String)
    case other(found: String, remedy: String)

    init(_ archive: ZipArchive) {
        let names = archive.entries.keys
        let pickles = names.filter { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }
        if let pickle = pickles.min(by: { $0.utf8.count < $1.utf8.count }) {
            let folder = String(pickle.dropLast("data.pkl".count))
            if names.contains("\(folder)constants.pkl")
                || names.contains(where: { $0.hasPrefix("\(folder)code/") })
            {
                self = .other(found: "a program of TorchScript's", remedy: FileFormat.torchScript)
            } else {
                self = .pyTorch(folder: folder)
            }
        } else if names.contains("model.weights.h5") {
            self = .other(found: "a Keras file (.keras)", remedy: FileFormat.keras)
        } else if !names.isEmpty, names.allSatisfy({ $0.hasSuffix(".npy") }) {
            self = .other(found: "an archive of NumPy's (.npz)", remedy: FileFormat.numpy)
        } else if names.contains(where: {
            $0.hasSuffix("archive_format") || $0.hasSuffix("serialized_exported_program.json")
        }) {
            self = .other(
                found: "a program that torch.export wrote",
                remedy:
                    "Save its weights in Python: torch.save(torch.export.load(file).state_dict, \"weights.pth\")."
            )
        } else {
            self = .other(
                found: "a zip archive that holds \(listed(Array(names)))",
                remedy: "Unpack it, and name the file of weights in it.")
        }
    }
}
