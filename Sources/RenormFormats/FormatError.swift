/// What can go wrong between files and arrays.
///
/// Each message says what was found and where, what was expected, and what to do.
public enum FormatError: Error, Hashable, Sendable {
    /// A file could not be opened or read.
    case unreadable(path: String, reason: String)
    /// A text that should be JSON is not; `offset` is in bytes, where it is known.
    case malformedJSON(source: String, offset: Int?, reason: String)
    /// A file ends before its content does; both numbers in bytes.
    case truncated(path: String, found: Int, expected: Int)
    /// A file goes on after its content; both numbers in bytes.
    case trailingBytes(path: String, found: Int, expected: Int)
    /// A header larger than any sensible one.
    case headerTooLarge(path: String, found: Int, limit: Int)
    /// A header that is JSON, but not the JSON that the format asks for.
    case malformedHeader(path: String, entry: String, reason: String)
    /// A file of a format that is not read: what it is, and what to do.
    case unknownFormat(path: String, found: String, remedy: String)
    /// A zip archive that is damaged, or made to do damage.
    case damagedArchive(path: String, reason: String)
    /// A pickle that is damaged, or that holds what no file of weights does.
    case malformedPickle(path: String, place: String, reason: String)
    /// A pickle that would have something run or made that weights do not need.
    case forbiddenGlobal(path: String, name: String, remedy: String)
    /// A tensor that does not lie in its storage, or that cannot be read.
    case malformedTensor(path: String, tensor: String, reason: String)
    /// A checkpoint in which there are no weights.
    case noStateDictionary(path: String, found: String)
    /// An ONNX file that is damaged, or made to do damage.
    case malformedONNX(path: String, place: String, reason: String)
    /// A tensor of an ONNX file that should stand in a file beside it.
    case externalData(path: String, tensor: String, location: String, reason: String)
    /// A tensor of a type that is not read.
    case unknownType(path: String, tensor: String, type: String)
    /// A tensor whose bytes are not those of its shape and type.
    case byteCount(path: String, tensor: String, found: Int, expected: Int)
    /// A tensor that does not begin where the one before it ends.
    case offset(path: String, tensor: String, found: Int, expected: Int)
    /// A tensor with a name that the format keeps for itself.
    case reservedName(path: String, name: String)
    /// A file that could not be written; what was there before is unchanged.
    case unwritable(path: String, byteCount: Int, reason: String)
    /// Something else where a file was to be added to.
    case notOwnFile(path: String, found: String)
    /// A file that somebody else is writing.
    case busy(path: String)
    /// A file that was written, but which the system may lose if it fails now.
    case notSynced(path: String, reason: String)
}

extension FormatError: CustomStringConvertible {
    /// The message: what was found and where, what was expected, what to do.
    public var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "\(path) cannot be read: \(reason). Expected a readable file. Check the path and its permissions."
        case .malformedJSON(let source, let offset, let reason):
            "\(source) is no valid JSON\(offset.map { " at byte \($0)" } ?? ""): \(reason). Expected JSON as RFC 8259 "
                + "defines it. Correct it, or fetch the file again."
        case .truncated(let path, let found, _) where found < 8:
            "\(path) ends after \(found) byte\(found == 1 ? "" : "s"). Expected a safetensors file, which starts with "
                + "the size of its header in 8 bytes. Check that this is the right file, or fetch or save it again."
        case .truncated(let path, let found, let expected):
            "\(path) ends after \(found) bytes. Expected at least \(expected), by its header. Fetch or save it again."
        case .trailingBytes(let path, let found, let expected):
            "\(path) has \(found) bytes. Expected \(expected), by its header. Fetch or save it again."
        case .headerTooLarge(let path, let found, let limit):
            "\(path) announces a header of \(found) bytes\(found == .max ? " or more" : ""). Expected at most \(limit): it is probably no "
                + "safetensors file. Check that this is the right file."
        case .malformedHeader(let path, let entry, let reason):
            "\(path) describes \"\(entry)\" wrongly: \(reason). Expected a safetensors header, where a tensor has "
                + "dtype, shape and data_offsets and __metadata__ holds strings. Save the file again."
        case .unknownFormat(let path, let found, let remedy):
            "\(path) is \(found). Expected weights as safetensors or as torch.save writes them. \(remedy)"
        case .damagedArchive(let path, let reason):
            "\(path) is a damaged zip archive: \(reason). Expected one as torch.save writes it. Fetch or save it again."
        case .malformedPickle(let path, let place, let reason):
            "\(path) is damaged at \(place): \(reason). Expected tensors and plain values, as torch.save writes them. "
                + "Fetch or save it again."
        case .forbiddenGlobal(let path, let name, let remedy):
            "\(path) asks for \(name), and nothing that a file asks for is run. Expected tensors and plain values alone. "
                + "\(remedy)"
        case .malformedTensor(let path, let tensor, let reason):
            "\(path) describes the tensor \(tensor) wrongly: \(reason). Expected one that lies in its storage. Fetch or "
                + "save the file again."
        case .noStateDictionary(let path, let found):
            "\(path) has no weights that can be found: \(found). Expected a dictionary of tensors by name, or one inside "
                + "it, such as under \"state_dict\". Save it in Python: torch.save(model.state_dict(), \"weights.pth\")."
        case .malformedONNX(let path, let place, let reason):
            "\(path) is damaged in \(place): \(reason). Expected an ONNX file. Check that this is the right file, or fetch "
                + "or save it again."
        case .externalData(let path, let tensor, let location, let reason):
            "\(path) says that \"\(tensor)\" is in the file '\(location)': \(reason). Expected a file in the same folder, "
                + "which holds the whole array. Put it there, or save the network in one file."
        case .unknownType(let path, let tensor, let type):
            "\(path) holds \"\(tensor)\" as \(type). Expected real numbers of 16 bits or more, or whole numbers. "
                + "Convert the tensor to one of these."
        case .byteCount(let path, let tensor, let found, let expected):
            "\(path) gives \"\(tensor)\" \(found) bytes. Expected \(expected), by its shape and type. Save the file "
                + "again."
        case .offset(let path, let tensor, let found, let expected):
            "\(path) begins \"\(tensor)\" at byte \(found) of the data. Expected \(expected), where the tensor "
                + "before it ends: the format has neither gaps nor overlaps. Save the file again."
        case .reservedName(let path, let name):
            "A tensor called \"\(name)\" was to be written to \(path). Expected another name: the format keeps this "
                + "one for itself. Rename the tensor."
        case .unwritable(let path, let byteCount, let reason):
            "\(path) could not be written: \(reason). Expected a writable folder with room for \(byteCount) bytes; "
                + "what was there before is unchanged. Free some space, or choose another folder."
        case .notOwnFile(let path, let found):
            "\(path) is \(found); expected a file of this folder's own, because lines are added to it. Put the file "
                + "itself there, or choose another folder."
        case .busy(let path):
            "\(path) is being written by somebody else. Expected to be the only one. Wait for the other process, or "
                + "choose another path."
        case .notSynced(let path, let reason):
            "\(path) was written, but its folder could not be synced: \(reason). Expected the file to be safe from "
                + "a power failure. Check the disk."
        }
    }
}
