// swift-tools-version: 6.1
import PackageDescription

// A package of your own that depends on Renorm: here by a path, else by its address.
let package = Package(
    name: "YourOwn",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "Renorm", path: "../..")],
    targets: [
        .executableTarget(
            name: "YourOwn", dependencies: [.product(name: "Renorm", package: "Renorm")], path: "Sources")
    ],
    swiftLanguageModes: [.v6]
)
