import RenormArrays
import RenormGraphs

/// The statistics that a network has in one of several domains, such as a camera: normalizations use them in place of the network's
/// own, and everything else is shared (Chang et al. 2019).
public struct StatisticsDomain: Sendable, Hashable {
    /// What it is called.
    public var name: String
    /// Its statistics and counters, under the paths of the network's own.
    public var statistics: Variables

    /// Takes the statistics of a network for those of a domain.
    ///
    /// - Throws: `VariablesError.domainName` for a name that none can have.
    public init(_ name: String, of model: Model) throws {
        try self.init(name, statistics: model.variables.ofKinds([.statistic, .counter]))
    }

    init(_ name: String, statistics: Variables) throws {
        guard StatisticsDomain.isName(name), name != StatisticsDomain.own else {
            throw VariablesError.domainName(name)
        }
        (self.name, self.statistics) = (name, statistics)
    }

    /// The network as it is in this domain.
    public func applied(to model: Model) -> Model {
        var result = model
        for (path, variable) in statistics where result.variables[path] != nil {
            result.variables[path] = variable
        }
        return result
    }

    /// The name by which a network's own statistics are asked for.
    public static let own = "default"

    /// A name is up to 64 letters, digits, `-` and `_`, of which files and command lines make nothing else.
    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.count)
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
    }

    /// The name that is as near as can be to a text, such as the path of a source of data.
    package static func name(from text: String) -> String {
        let allowed = text.suffix(64).map { isName(String($0)) ? $0 : "_" }
        return allowed.isEmpty ? "_" : String(allowed)
    }

    /// The variables as files hold them, by path and kind.
    package var stored: Variables {
        var result = Variables()
        for (path, variable) in statistics {
            result[prefix + path] = Variable(
                kind: .domain,
                value: variable.value.converted(to: variable.kind == .counter ? .i64 : .f32))
        }
        return result
    }

    private var prefix: String { StatisticsDomain.start + name + "." }
    fileprivate static let start = "domain."
}

extension VariablesFile {
    /// The domains whose statistics a file holds, in the order of their names; those of each are exactly the statistics that a
    /// network has.
    ///
    /// - Parameters:
    ///   - specifications: What the network has.
    ///   - bounds: Those of statistics by path (see `Model.statisticBounds`).
    /// - Throws: `VariablesError` for what is missing, too much, of another shape or type, not finite or out of bounds.
    package func domains(
        of specifications: [VariableSpecification], bounds: [String: StatisticBound]
    ) throws -> [StatisticsDomain] {
        let wanted = specifications.filter { $0.kind == .statistic || $0.kind == .counter }.map(Wanted.init)
        var found: [String: [String: NDArray]] = [:]
        for (path, array) in arrays where kinds?[path] == .domain {
            let parts = path.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
            guard path.hasPrefix(StatisticsDomain.start), parts.count == 3,
                StatisticsDomain.isName(String(parts[1]))
            else { throw VariablesError.unexpected(file: self.path, paths: [path]) }
            found[String(parts[1]), default: [:]][String(parts[2])] = array
        }
        return try found.keys.sorted().map { name in
            var report = LoadingReport(of: "\(path), domain \(name)")
            let statistics = compare(
                wanted, with: found[name]!, bounds: bounds, report: &report, stored: Self.asItIs)
            if let problem = report.firstProblem { throw problem }
            return try StatisticsDomain(name, statistics: statistics)
        }
    }
}
