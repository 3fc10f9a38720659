import Synchronization

/// What a data source found when it opened one part, kept for the parts that are opened after it: a list of a million files
/// is made once.
public final class DataOpening: Sendable {
    private let found = Mutex<(any Sendable)?>(nil)

    init() {}

    /// What `make` gives the first time.
    public func once<Value: Sendable>(_ make: () throws -> Value) rethrows -> Value {
        try found.withLock { found in
            if let known = found as? Value { return known }
            let value = try make()
            found = value
            return value
        }
    }

    /// What was kept, if it is of this type.
    func known<Value: Sendable>() -> Value? { found.withLock { $0 as? Value } }
}
