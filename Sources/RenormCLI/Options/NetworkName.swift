import Foundation
import Renorm
import Yams

/// What `--model` names: a network of the library's table, or a file of YAML that describes one.
struct NetworkName: TextForm, CustomStringConvertible {
    let description: String
    /// The network that a file describes.
    let described: NetworkDescription?
    /// The network's row in the table or, for one from a file, what such a row would be.
    let network: Network

    init(parsing text: String) throws {
        if text.hasPrefix(NetworkName.filePrefix), text.count > NetworkName.filePrefix.count {
            let file = URL(fileURLWithPath: String(text.dropFirst(NetworkName.filePrefix.count)))
            if !FileManager.default.fileExists(atPath: file.path),
                let saved = NetworkName.ofRunThatGoesOn(text)
            {
                self.init(described: saved, at: text)
                return
            }
            try self.init(described: NetworkName.read(file), at: NetworkName.filePrefix + file.path)
            return
        }
        guard let (network, _) = Networks.table.find(text) else {
            let fault = Networks.table.fault(of: text)
            throw Fault(fault.found, fault.expected + ", \(NetworkName.fileForm)")
        }
        self.init(description: text, described: nil, network: network)
    }

    /// A network that a file described when it was saved.
    init(described network: NetworkDescription, at name: String) {
        self.init(description: name, described: network, network: Network(network))
    }

    private init(description: String, described: NetworkDescription?, network: Network) {
        (self.description, self.described, self.network) = (description, described, network)
    }

    private init(known text: String) {
        guard let (network, _) = Networks.table.find(text) else {
            preconditionFailure("\(text) is in the table")
        }
        self.init(description: text, described: nil, network: network)
    }

    static let small = NetworkName(known: "small")
    static let halfSmall = NetworkName(known: "small:0.5")
    static var expected: String { Networks.table.forms.joined(separator: ", ") + ", \(fileForm)" }
    var hasStem: Bool { network.hasStem }

    /// The ε that the network was published with, where that is not everybody's.
    var epsilon: Double? {
        let own = network.normalization.epsilon
        return own == Normalization(.batch).epsilon ? nil : own
    }

    /// The network on such images.
    func architecture(
        stem: Stem, classes: Int, input: TensorShape, normalization: Normalization
    ) -> Architecture {
        Architecture(
            name: description, stem: stem, classes: classes, input: input, normalization: normalization,
            description: described)
    }

    private static let filePrefix = "file:"
    private static let fileForm = "file:NETWORK.yml"

    /// The network that the run which goes on was begun with by this name: it needs no file any more.
    private static func ofRunThatGoesOn(_ text: String) -> NetworkDescription? {
        guard CommandArguments.typed.contains("resume"), let run = CommandArguments.typed.value(of: "run"),
            let record = try? CheckpointRecord(reading: RunFolder(URL(fileURLWithPath: run)).last),
            let architecture = record.configuration.architecture, architecture.name == text
        else { return nil }
        return architecture.description
    }

    private static func read(_ file: URL) throws -> NetworkDescription {
        let yaml = try YAMLFile(
            file, holds: "layers", limit: 1 << 20, remedy: "Check --model, or see 'renorm help describe'.")
        do {
            return try YAMLDecoder().decode(NetworkDescription.self, from: yaml.root ?? Node([:]))
        } catch let error as DecodingError {
            throw UsageError(
                "'\(file.path.visible)' describes no network: \(error.placeAndReason.visible). Correct it there."
            )
        }
    }
}
