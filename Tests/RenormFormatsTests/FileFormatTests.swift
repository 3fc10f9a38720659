import Foundation
import RenormArrays
import RenormFormats
import Testing

/// Other files than weights, and weights of other formats, are named, and what to do about them.
@Suite struct FileFormatTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func message(_ bytes: [UInt8], _ name: String = "file.bin") throws -> String {
        let url = folder.url.appendingPathComponent(name)
        try Data(bytes).write(to: url)
        return try #require(throws: FormatError.self) { try NamedArrays(reading: url) }.description
            .replacingOccurrences(of: url.path, with: "FILE")
    }

    @Test func safetensorsAreReadWhateverTheirNameIs() throws {
        let original = fixtures.appendingPathComponent("python.safetensors")
        let url = folder.url.appendingPathComponent("weights.pth")
        try Data(contentsOf: original).write(to: url)
        #expect(try NamedArrays(reading: url) == NamedArrays(safetensors: original))
    }

    @Test(arguments: [
        ("", "empty", "Fetch or save it again."),
        ("<!DOCTYPE html>\n<html>", "a web page, perhaps what a server answered", "Fetch the file itself"),
        ("\n <html lang=en>", "a web page, perhaps what a server answered", "Fetch the file itself"),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "a pointer of git-lfs",
            "git lfs pull"
        ),
        ("{\"metadata\": {\"total_size\": 3}}", "a JSON text", "Where it is the index of several files"),
        ("GGUF\u{3}\0\0\0", "a GGUF file", "language models"),
        ("hello, world", "of no known format", "Check that this is the right file"),
        ("BZh91AY", "compressed by bzip2", "bunzip2"),
    ])
    func aTextIsNamed(text: String, found: String, remedy: String) throws {
        let message = try message(Array(text.utf8))
        #expect(message.hasPrefix("FILE is \(found)"))
        #expect(message.contains("Expected weights as safetensors or as torch.save writes them."))
        #expect(message.contains(remedy))
    }

    @Test(arguments: [
        (
            [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0], "an HDF5 file (.h5)",
            "keras_to_safetensors.py"
        ),
        (
            [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0], "an array of NumPy's (.npy)",
            "safetensors.numpy.save_file"
        ),
        ([0x1C, 0, 0, 0, 0x54, 0x46, 0x4C, 0x33], "a TensorFlow Lite model", "keras_to_safetensors.py"),
        ([0x1F, 0x8B, 8, 0], "compressed by gzip", "gunzip"),
        ([0x80, 4, 0x95, 1, 0, 0, 0, 0, 0, 0, 0, 0x4E, 0x2E], "a pickle of Python's", "torch.save"),
    ])
    func aBinaryFileIsNamed(bytes: [UInt8], found: String, remedy: String) throws {
        let message = try message(bytes)
        #expect(message.hasPrefix("FILE is \(found)"))
        #expect(message.contains(remedy))
    }

    @Test func aTarOfTheFirstPyTorchIsNamed() throws {
        var bytes = [UInt8](repeating: 0, count: 1024)
        bytes.replaceSubrange(257..<262, with: Array("ustar".utf8))
        #expect(try message(bytes).hasPrefix("FILE is a tar archive, as PyTorch wrote it before 2017"))
    }

    /// An archive with an empty entry of each name.
    private func archive(_ names: [String]) -> [UInt8] {
        func bytes(_ numbers: [(Int, size: Int)]) -> [UInt8] {
            numbers.flatMap { number, size in (0..<size).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
            }
        }
        var (body, list) = ([UInt8](), [UInt8]())
        for name in names {
            let start = body.count
            body += bytes([(0x0403_4B50, 4), (20, 2), (0, 20), (name.utf8.count, 2), (0, 2)]) + name.utf8
            list +=
                bytes([
                    (0x0201_4B50, 4), (20, 2), (20, 2), (0, 20), (name.utf8.count, 2), (0, 4), (0, 8),
                    (start, 4),
                ]) + name.utf8
        }
        let end = bytes([
            (0x0605_4B50, 4), (0, 4), (names.count, 2), (names.count, 2), (list.count, 4), (body.count, 4),
            (0, 2),
        ])
        return body + list + end
    }

    @Test(arguments: [
        (
            ["config.json", "metadata.json", "model.weights.h5"], "a Keras file (.keras)",
            "keras_to_safetensors.py"
        ),
        (["w.npy", "b.npy"], "an archive of NumPy's (.npz)", "safetensors.numpy.save_file"),
        (["m/code/a.py", "m/data.pkl", "m/constants.pkl"], "a program of TorchScript's", "torch.jit.load"),
        (
            ["a/archive_format", "a/models/model.json"], "a program that torch.export wrote",
            "torch.export.load"
        ),
        (
            ["word/document.xml", "x"], "a zip archive that holds \"word/document.xml\" and \"x\"",
            "Unpack it"
        ),
    ])
    func anArchiveIsNamedByWhatItHolds(names: [String], found: String, remedy: String) throws {
        let message = try message(archive(names))
        #expect(message.hasPrefix("FILE is \(found)"))
        #expect(message.contains(remedy))
    }

    @Test func aFolderOfTensorFlowIsNamed() throws {
        try Data().write(to: folder.url.appendingPathComponent("saved_model.pb"))
        let error = try #require(throws: FormatError.self) { try NamedArrays(reading: folder.url) }
        #expect(error.description.contains("is a SavedModel of TensorFlow's"))
        let missing = folder.url.appendingPathComponent("missing.pth")
        #expect(throws: FormatError.unreadable(path: missing.path, reason: "No such file or directory")) {
            try NamedArrays(reading: missing)
        }
    }
}
