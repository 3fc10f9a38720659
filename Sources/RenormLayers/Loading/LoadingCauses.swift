import RenormArrays
import RenormGraphs

/// What is probably the matter with a file that does not fit: what people do, recognized by the pattern that it leaves.
struct LoadingCauses {
    let report: LoadingReport
    /// The variables that the model wants from the file.
    let wanted: [VariableSpecification]
    /// The file's arrays by our paths.
    let arrays: [String: NDArray]
    let normalizations: [NormalizationRecord]

    /// The causes that were recognized, each a sentence with what to do, the likeliest first.
    var sentences: [String] {
        let known = [
            prefixed, unprefixed, otherFramework, otherNetwork, withoutNormalization, withoutAverages,
            withAverages,
            classifier, imageChannels, stem, width, depth, damaged, types,
        ].compactMap(\.self)
        return known.isEmpty ? ["Check that the file is of this architecture and normalization."] : known
    }

    // MARK: Names

    private var prefixed: String? {
        guard let prefix = commonPrefix(of: report.unexpected, before: report.missing) else { return nil }
        return
            "Every name of the file begins with '\(prefix)': load it with "
            + "`names: NameTable(\"prefixed\", [.init(\"\(prefix)*\", \"*\")])`."
    }

    private var unprefixed: String? {
        guard let prefix = commonPrefix(of: report.missing, before: report.unexpected) else { return nil }
        return
            "The names of the file lack the '\(prefix)' that the model's begin with: load it with "
            + "`names: NameTable(\"parts\", [.init(\"*\", \"\(prefix)*\")])`."
    }

    /// What stands before nearly all names to make them nearly all of the others.
    private func commonPrefix(of long: [String], before short: [String]) -> String? {
        let others = Set(short)
        for name in short.prefix(3) {
            guard let match = long.first(where: { $0.hasSuffix("." + name) }) else { continue }
            let prefix = String(match.dropLast(name.count))
            let count = long.count {
                $0.hasPrefix(prefix) && others.contains(String($0.dropFirst(prefix.count)))
            }
            if count * 10 >= short.count * 9 { return prefix }
        }
        return nil
    }

    private var otherFramework: String? {
        func share(_ marks: [String]) -> Bool {
            let count = report.unexpected.count { name in marks.contains { name.contains($0) } }
            return count > 0 && count * 2 >= report.unexpected.count
        }
        let framework =
            if share(["/kernel", "/gamma", "/beta", "/moving_", "/depthwise", "moving_variance", ":0"]) {
                "Keras' or TensorFlow's"
            } else if share(["conv_stem", "conv_pw", "conv_dw", "conv_pwl", "conv_head", "blocks."]) {
                "timm's"
            } else {
                String?.none
            }
        return framework.map {
            "The file's names are \($0): load it with a table of their names (`names:`)."
        }
    }

    private var otherNetwork: String? {
        guard
            report.fitting.isEmpty && report.shapes.isEmpty && prefixed == nil && unprefixed == nil
                && otherFramework == nil
        else { return nil }
        return arrays.isEmpty
            ? "The file holds nothing that belongs to a model. Fetch or save it again."
            : "No name of the file is one of the model's: it is of another network, or another framework named it."
    }

    // MARK: Normalization

    private func isMissing(_ record: NormalizationRecord, _ names: [String]) -> Bool {
        !names.isEmpty && names.allSatisfy { missing.contains(record.place($0)) }
    }

    private var missing: Set<String> { Set(report.missing) }

    private var normalized: [NormalizationRecord] {
        normalizations.filter { !($0.normalization.kind is NoNormalization) }
    }

    private var withoutNormalization: String? {
        let all = normalized
        guard !all.isEmpty, all.allSatisfy({ isMissing($0, $0.parameterNames) }), !report.fitting.isEmpty
        else { return nil }
        return
            "The file is of a network without normalization, or one whose normalizations were folded into the "
            + "convolutions: load it into a model with the normalization `none`."
    }

    private var withoutAverages: String? {
        let all = normalizations.filter(\.normalization.keepsPopulation)
        let named = all.filter { !isMissing($0, $0.parameterNames) }
        guard !all.isEmpty, named.count == all.count,
            all.allSatisfy({ isMissing($0, ["running_mean"]) })
        else { return nil }
        return
            "The file has scales and shifts but no averages: its network normalizes each example by itself (group, layer "
            + "or instance normalization). Load it into a model with that normalization, then convert."
    }

    private var withAverages: String? {
        guard !report.unexpected.isEmpty else { return nil }
        let places = Set(
            normalized.filter { !$0.normalization.keepsPopulation }.flatMap { record in
                ["running_mean", "running_var", "running_std", "num_batches_tracked", "gains", "innovations"]
                    .map(
                        record.place)
            })
        guard report.unexpected.allSatisfy(places.contains) else { return nil }
        return
            "The file's network has batch normalization (it has averages), the model \(normalized[0].normalization.kind.word): "
            + "load it into a model with batch normalization, then convert."
    }

    // MARK: Shapes

    private var weights: [VariableSpecification] {
        wanted.filter { $0.kind == .parameter && $0.shape.rank > 1 }
    }

    private var classifier: String? {
        guard let last = weights.last, let head = report.shapes.first(where: { $0.path == last.path }),
            head.found.rank == head.expected.rank,
            head.found.dimensions.dropFirst() == head.expected.dimensions.dropFirst()
        else { return nil }
        return
            "'\(head.path)' is for \(head.found[0]) classes; expected \(head.expected[0]). Use data and a model of "
            + "\(head.found[0]) classes, or load everything else with "
            + "`except: [\"\(VariablesError.layer(head.path))\"]`, which leaves this layer as it starts."
    }

    /// The first convolution, where the file has another one.
    private var first: LoadingReport.Mismatch<TensorShape>? {
        guard let first = weights.first, first.shape.rank == 4 else { return nil }
        return report.shapes.first {
            $0.path == first.path && $0.found.rank == 4 && $0.found[0] == $0.expected[0]
        }
    }

    private var imageChannels: String? {
        guard let first, first.found[1] != first.expected[1] else { return nil }
        return
            "'\(first.path)' takes images of \(first.found[1]) channels; expected \(first.expected[1]). Load the file into a "
            + "model for images of \(first.found[1]), then change its input."
    }

    private var stem: String? {
        guard let first, first.found.dimensions.suffix(2) != first.expected.dimensions.suffix(2) else {
            return nil
        }
        func window(_ shape: TensorShape) -> String { "\(shape[2])×\(shape[3])" }
        return
            "'\(first.path)' has a window of \(window(first.found)); expected \(window(first.expected)): the file's network has "
            + "another stem."
    }

    private var width: String? {
        let ratios = report.shapes.filter { $0.found.rank == $0.expected.rank && $0.found.rank > 1 }
            .map { Double($0.found[0]) / Double($0.expected[0]) }.filter { $0 != 1 }.sorted()
        guard ratios.count > 2, ratios.count * 2 > weights.count else { return nil }
        // Channels are rounded, so that not all ratios are the same.
        let middle = ratios[ratios.count / 2]
        let about = (middle * 100).rounded() / 100
        return "Most layers of the file have \(about) times as many channels: its network has another width."
    }

    private var depth: String? {
        guard report.shapes.isEmpty, report.missing.isEmpty != report.unexpected.isEmpty,
            !report.fitting.isEmpty,
            withoutNormalization == nil, withoutAverages == nil, withAverages == nil
        else { return nil }
        return report.missing.isEmpty
            ? "Everything that the model has fits, and the file has more: it is of a larger network of this kind, or holds "
                + "other things besides."
            : "Everything that the file has fits, but the model has more: the file is of a smaller network of this kind, or "
                + "not whole."
    }

    // MARK: Values

    private var damaged: String? {
        report.notFinite.isEmpty && report.outOfBounds.isEmpty
            ? nil
            : "No network in use has such values: fetch or save the file again, or use an earlier one."
    }

    private var types: String? {
        report.types.isEmpty && report.kinds.isEmpty
            ? nil : "Convert what is of another type, or check that the file is of this architecture."
    }
}

extension NormalizationRecord {
    /// γ and β, where it has them.
    fileprivate var parameterNames: [String] {
        (normalization.scale ? ["weight"] : []) + (normalization.shift ? ["bias"] : [])
    }
}
