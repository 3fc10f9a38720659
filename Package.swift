// swift-tools-version: 6.1
import PackageDescription

/// One for each module that has tests; each sees what a user sees, and what is `package` inside.
let tests: [Target] = [
    "Arrays", "Graphs", "Engines", "OneDNN", "Formats", "Layers", "Exchange", "Images", "Training",
    "Diagnosis", "Experiments", "Reporting", "CLI",
].map {
    .testTarget(
        name: "Renorm\($0)Tests",
        dependencies: ["Renorm", "RenormTestSupport"] + ($0 == "CLI" ? ["RenormCLI"] : []))
}

/// Targets in the order of the floors: each may depend only on targets above it (see ARCHITECTURE.md).
let package = Package(
    name: "Renorm",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Renorm", targets: ["Renorm"]),
        .executable(name: "renorm", targets: ["RenormCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"),
    ],
    targets: [
        .target(name: "COneDNN"),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .systemLibrary(
            name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
        .systemLibrary(
            name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
        .systemLibrary(
            name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"]), .brew(["webp"])]),
        .target(name: "RenormKernels", linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
        .target(name: "RenormCodecs", dependencies: ["CPNG", "CJPEG", "CWebP"]),
        .target(name: "RenormArrays"),
        .target(
            name: "RenormGraphs",
            dependencies: [
                "RenormArrays", .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        .target(name: "RenormEngines", dependencies: ["RenormArrays", "RenormGraphs"]),
        .target(
            name: "RenormOneDNN",
            dependencies: [
                "COneDNN", "RenormKernels", "RenormArrays", "RenormGraphs", "RenormEngines",
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
        .target(
            name: "RenormFormats",
            dependencies: [
                "CZlib", "RenormKernels", "RenormArrays",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        .target(name: "RenormLayers", dependencies: ["RenormArrays", "RenormGraphs", "RenormFormats"]),
        .target(
            name: "RenormExchange",
            dependencies: [
                "RenormArrays", "RenormGraphs", "RenormEngines", "RenormFormats", "RenormLayers",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        .target(
            name: "RenormImages",
            dependencies: ["RenormKernels", "RenormArrays", "RenormFormats", "CZlib", "RenormCodecs"]),
        .target(
            name: "RenormTraining",
            dependencies: [
                "RenormArrays", "RenormGraphs", "RenormEngines", "RenormFormats", "RenormLayers",
                "RenormExchange",
                "RenormImages",
            ]),
        .target(
            name: "RenormDiagnosis",
            dependencies: [
                "RenormArrays", "RenormGraphs", "RenormEngines", "RenormFormats", "RenormLayers",
                "RenormImages",
                "RenormTraining",
            ]),
        .target(
            name: "RenormExperiments",
            dependencies: [
                "RenormArrays", "RenormGraphs", "RenormEngines", "RenormFormats", "RenormLayers",
                "RenormImages",
                "RenormTraining",
            ]),
        .target(
            name: "RenormReporting",
            dependencies: ["RenormArrays", "RenormFormats", "RenormTraining", "RenormExperiments"]),
        .target(
            name: "Renorm",
            dependencies: [
                "RenormArrays", "RenormGraphs", "RenormEngines", "RenormOneDNN", "RenormFormats",
                "RenormLayers", "RenormExchange", "RenormImages", "RenormTraining", "RenormDiagnosis",
                "RenormExperiments", "RenormReporting",
            ]),
        .executableTarget(
            name: "RenormCLI",
            dependencies: [
                "Renorm", "Yams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(name: "TenSteps", dependencies: ["Renorm"], path: "Examples/TenSteps"),
        .executableTarget(name: "OneWord", dependencies: ["Renorm"], path: "Examples/OneWord"),
        .executableTarget(name: "MovingAverages", dependencies: ["Renorm"], path: "Examples/MovingAverages"),
        .executableTarget(name: "BatchOfOne", dependencies: ["Renorm"], path: "Examples/BatchOfOne"),
        .executableTarget(name: "ScaleOfWeights", dependencies: ["Renorm"], path: "Examples/ScaleOfWeights"),
        .target(name: "MachineLimits", path: "Benchmarks/MachineLimits"),
        .target(name: "Serving", path: "Benchmarks/Serving"),
        .executableTarget(
            name: "StepServer", dependencies: ["Renorm", "MachineLimits", "Serving"],
            path: "Benchmarks/StepServer"),
        .executableTarget(name: "Loading", dependencies: ["Renorm", "Serving"], path: "Benchmarks/Loading"),
        .executableTarget(name: "Listing", dependencies: ["RenormImages"], path: "Benchmarks/Listing"),
        .executableTarget(
            name: "Opening", dependencies: ["RenormArrays", "RenormFormats"], path: "Benchmarks/Opening"),
        .executableTarget(
            name: "Convolutions",
            dependencies: [
                "RenormArrays", "RenormGraphs", "RenormEngines", "RenormOneDNN", "MachineLimits", "Serving",
            ],
            path: "Benchmarks/Convolutions"),
        .executableTarget(name: "Passes", dependencies: ["RenormKernels"], path: "Benchmarks/Passes"),
        .executableTarget(name: "NeverHurts", dependencies: ["Renorm"], path: "Experiments/NeverHurts"),
        // A program whose malloc counts, for a test that steps allocate nothing.
        .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
        .executableTarget(
            name: "AllocationProbe", dependencies: ["Renorm", "AllocationCounter"],
            path: "Tests/AllocationProbe"),
        // A program whose memory a test looks at.
        .executableTarget(name: "MemoryProbe", dependencies: ["Renorm"], path: "Tests/MemoryProbe"),
        // A program that damages files and reads them.
        .executableTarget(name: "Fuzz", dependencies: ["Renorm"], path: "Tests/Fuzz"),
        // What tests share: it knows nothing of the testing library, so plain `swift build` works without one.
        .target(
            name: "RenormTestSupport",
            dependencies: ["RenormArrays", "RenormGraphs", "RenormEngines", "RenormFormats", "RenormImages"],
            path: "Tests/RenormTestSupport"),
    ] + tests
        + [.testTarget(name: "RenormKernelsTests", dependencies: ["RenormKernels"])],
    swiftLanguageModes: [.v6]
)

// `make` sets this, and nobody else: a warning in our own targets, and only there, is an error.
if Context.environment["RENORM_WARNINGS"] == "errors" {
    for target in package.targets where target.type != .system {
        target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(["-warnings-as-errors"])]
        target.cSettings = (target.cSettings ?? []) + [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]
    }
}
