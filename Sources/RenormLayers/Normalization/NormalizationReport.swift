import RenormArrays

/// A number that a normalization reports while a network is trained.
public struct NormalizationReading: Sendable, Hashable {
    /// Its name in records, such as `mean`.
    public var name: String
    /// What it is called in sentences, such as `gains of means`.
    public var label: String
    /// The number.
    public var value: Double

    /// Makes a reading.
    public init(_ name: String, label: String? = nil, value: Double) {
        self.name = name
        self.label = label ?? name
        self.value = value
    }
}

/// Numbers that normalizations report, in order; as JSON an object of names and numbers.
public struct NormalizationReadings: Sendable, Hashable, Codable {
    /// The readings.
    public var all: [NormalizationReading]

    /// Makes readings.
    public init(_ all: [NormalizationReading] = []) { self.all = all }

    /// The number of a name.
    public subscript(name: String) -> Double? { all.first { $0.name == name }?.value }

    fileprivate struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
        static let path = Key("path")
    }

    /// Reads `{"r_max": 3, "d_max": 5}`, whatever the names are; in the order of the names.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        all = try container.allKeys.filter { $0.stringValue != Key.path.stringValue }
            .sorted { $0.stringValue < $1.stringValue }
            .map {
                NormalizationReading($0.stringValue, value: try container.decode(Double.self, forKey: $0))
            }
    }

    /// Writes what `init(from:)` reads.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for reading in all { try container.encode(reading.value, forKey: Key(reading.name)) }
    }
}

/// What one normalization of a network reports of its state; as JSON `{"path": "bn1", "mean": 0.01, "scale": 0.02}`.
public struct NormalizationReport: Sendable, Hashable, Codable {
    /// The path of the layer.
    public var path: String
    /// What it reports.
    public var readings: NormalizationReadings

    /// Makes a report.
    public init(path: String, readings: [NormalizationReading]) {
        self.path = path
        self.readings = NormalizationReadings(readings)
    }

    /// Reads path and numbers of one object.
    ///
    /// - Throws: `DecodingError` also for what is not finite: a state never is, though limits of a schedule may be infinite.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: NormalizationReadings.Key.self)
        path = try container.decode(String.self, forKey: .path)
        readings = try NormalizationReadings(from: decoder)
        if let reading = readings.all.first(where: { !$0.value.isFinite }) {
            throw DecodingError.dataCorruptedError(
                forKey: NormalizationReadings.Key(reading.name), in: container,
                debugDescription: "found \(reading.value); expected a finite number")
        }
    }

    /// Writes path and numbers as one object.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: NormalizationReadings.Key.self)
        try container.encode(path, forKey: .path)
        try readings.encode(to: encoder)
    }
}

extension [NormalizationRecord] {
    /// What these normalizations report of their state: of those that report nothing there is no entry.
    ///
    /// - Parameter value: Gives a variable by its path.
    public func reports(_ value: (String) throws -> NDArray) throws -> [NormalizationReport] {
        try compactMap { record in
            let readings = try record.normalization.kind.readings { try value(record.place($0)) }
            return readings.isEmpty ? nil : NormalizationReport(path: record.path, readings: readings)
        }
    }

    /// What the schedules of these normalizations say at a step, each name once: the first layer's.
    public func readings(at step: Int) -> NormalizationReadings {
        var known: Set<String> = []
        return NormalizationReadings(
            flatMap(\.normalization.kind.reportedSchedules).compactMap { name, schedule in
                known.insert(name).inserted
                    ? NormalizationReading(name, value: schedule.value(at: step)) : nil
            })
    }
}
