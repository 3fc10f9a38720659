import RenormGraphs
import RenormLayers

extension Classifier {
    /// The network with the statistics of one of its domains in place of its own, and no others.
    ///
    /// - Parameter name: `default` leaves it its own.
    /// - Throws: `VariablesError.unknownDomain`.
    public func inDomain(_ name: String) throws -> Classifier {
        if name == StatisticsDomain.own {
            var result = self
            result.domains = []
            return result
        }
        guard let domain = domains.first(where: { $0.name == name }) else {
            throw VariablesError.unknownDomain(name: name, known: domains.map(\.name))
        }
        var result = self
        result.model = domain.applied(to: model)
        result.domains = []
        return result
    }

    /// Adds the statistics of a domain, or puts them in the place of those of this name.
    ///
    /// - Parameter adapted: The network as it is in the domain; parameters are not looked at.
    /// - Throws: `VariablesError.domainName`.
    public mutating func setDomain(_ name: String, as adapted: Model) throws {
        let domain = try StatisticsDomain(name, of: adapted)
        domains.removeAll { $0.name == name }
        domains.append(domain)
        domains.sort { $0.name < $1.name }
    }

    /// Changes the network, and the statistics of each domain with it.
    ///
    /// - Parameter change: What becomes of the network as it is in a domain: what it makes of parameters must not depend on the
    ///   statistics.
    public mutating func changeModels(_ change: (Model) throws -> Model) throws {
        let changed = try domains.map { try StatisticsDomain($0.name, of: change($0.applied(to: model))) }
        model = try change(model)
        // What keeps no averages any more has no domains.
        domains = changed.filter { !$0.statistics.isEmpty }
    }
}

extension Variables {
    /// These variables and those of domains, as files hold them.
    func with(_ domains: [StatisticsDomain]) -> Variables {
        domains.reduce(self) { $0.merging($1.stored) }
    }
}
