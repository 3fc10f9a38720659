import RenormEngines

/// What a run's bits depend on besides its configuration: the same seed gives the same bits for the same environment.
public struct RunEnvironment: Sendable, Hashable, Codable {
    /// The version of this package and of the compiler, and the system.
    public var build: String
    /// Engine, threads, instruction set, algorithm of convolutions.
    public var engine: EngineDescription

    /// Describes this build with an engine.
    public init(engine: EngineDescription) {
        self.engine = engine
        build = "renorm \(RunEnvironment.version), \(RunEnvironment.compiler), \(RunEnvironment.system)"
    }

    /// The version of this package.
    public static let version = "0.1.0"

    private static var compiler: String {
        #if compiler(>=6.4)
            "Swift ≥ 6.4"
        #elseif compiler(>=6.3)
            "Swift 6.3"
        #elseif compiler(>=6.2)
            "Swift 6.2"
        #else
            "Swift 6.1"
        #endif
    }

    private static var system: String {
        #if os(Linux)
            let name = "Linux"
        #elseif os(macOS)
            let name = "macOS"
        #else
            let name = "another system"
        #endif
        #if arch(x86_64)
            let architecture = "x86-64"
        #elseif arch(arm64)
            let architecture = "arm64"
        #else
            let architecture = "another architecture"
        #endif
        #if DEBUG
            let optimization = "debug"
        #else
            let optimization = "release"
        #endif
        return "\(name) \(architecture), \(optimization)"
    }
}
