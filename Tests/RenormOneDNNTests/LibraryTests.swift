import Foundation
import RenormArrays
import RenormOneDNN
import Testing

/// Where oneDNN is looked for, and what is said where it is not.
@Suite struct LibraryTests {
    @Test func looksInOrder() {
        let places = OneDNNLibrary.candidates(
            environment: ["ONEDNN_ROOT": "/opt/dnn"], workingDirectory: "/home/me/work",
            program: "/usr/local/bin/renorm"
        )
        .filter { $0.hasSuffix(".3") || $0.hasSuffix(".3.dylib") }
        .map { ($0 as NSString).deletingLastPathComponent }
        #expect(
            places == [
                "/usr/local/bin", "/usr/local/bin/lib", "/opt/dnn/lib", "/opt/dnn/lib64", "/opt/dnn",
                "/home/me/work/.deps/onednn/lib", "/home/me/.deps/onednn/lib", "/home/.deps/onednn/lib",
                "/usr/local/bin/.deps/onednn/lib", "/usr/local/.deps/onednn/lib", "/usr/.deps/onednn/lib", "",
            ])
    }

    @Test func absenceIsAnErrorThatNamesThePlaces() {
        #expect(throws: OneDNNError.notFound(searched: ["/nowhere/libdnnl.so.3"])) {
            try OneDNNLibrary(candidates: ["/nowhere/libdnnl.so.3"])
        }
    }

    @Test func otherLibrariesAreRefused() throws {
        #if canImport(Darwin)
            let other = "/usr/lib/libz.dylib"
        #else
            let other = "libz.so.1"
        #endif
        #expect(throws: OneDNNError.incomplete(path: other, function: "dnnl_engine_create")) {
            try OneDNNLibrary(candidates: [other])
        }
    }

    @Test(arguments: [
        (
            OneDNNError.notFound(searched: ["a", "b"]),
            "oneDNN was not found; looked for a, b. Expected version 3.0 or newer. "
        ),
        (.tooOld(path: "a", version: "2.7.1"), "a is oneDNN 2.7.1; expected version 3.0 or newer. "),
        (
            .incomplete(path: "a", function: "f"),
            "a lacks the function f; expected oneDNN, version 3.0 or newer. "
        ),
        (.status(code: 1, doing: "x"), "oneDNN, x: out of memory; expected success. Use a smaller batch."),
    ])
    func messagesHaveThreeParts(_ error: OneDNNError, _ start: String) {
        #expect(error.description.hasPrefix(start))
        #expect(error.description.hasSuffix("."))
    }

    /// Our declarations beside oneDNN's own header, where that is installed.
    @Test(.enabled(if: HeaderCheck.headers != nil, "oneDNN's headers are not installed"))
    func declarationsAreOneDNNs() throws {
        let check = HeaderCheck()
        #expect(try check.compile(check.source) == "")
        let wrong = check.source.replacingOccurrences(of: "(int)(theirs)", with: "(int)(theirs) + 1")
        #expect(try check.compile(wrong) != "")
    }
}

/// Compiles C that includes both headers.
private struct HeaderCheck {
    /// The folders of oneDNN's header and of ours.
    static let headers: [String]? = {
        let root = ProcessInfo.processInfo.environment["ONEDNN_ROOT"].map { [$0 + "/include"] } ?? []
        guard let ours = above("Sources/COneDNN/include"),
            let theirs = (root + [above(".deps/onednn/include")].compactMap { $0 } + ["/usr/include"]).first(
                where: { FileManager.default.fileExists(atPath: $0 + "/oneapi/dnnl/dnnl.h") })
        else { return nil }
        return [ours, theirs]
    }()

    /// A path in the working directory or in one above it.
    private static func above(_ path: String) -> String? {
        foldersUpwards(from: FileManager.default.currentDirectoryPath).map { "\($0)/\(path)" }
            .first { FileManager.default.fileExists(atPath: $0) }
    }

    let source = """
        #include "COneDNN.h"
        #include "oneapi/dnnl/dnnl.h"
        #define SAME_VALUE(name, value, theirs) _Static_assert((value) == (int)(theirs), #theirs);
        ONEDNN_CONSTANTS(SAME_VALUE)
        #define SAME_SIGNATURE(name, result, parameters) result (*check_##name) parameters = &dnnl_##name;
        ONEDNN_FUNCTIONS(SAME_SIGNATURE)
        _Static_assert(sizeof(onednn_argument) == sizeof(dnnl_exec_arg_t), "");
        _Static_assert(offsetof(onednn_argument, memory) == offsetof(dnnl_exec_arg_t, memory), "");
        _Static_assert(sizeof(onednn_version) == sizeof(dnnl_version_t), "");
        _Static_assert(offsetof(onednn_version, hash) == offsetof(dnnl_version_t, hash), "");
        _Static_assert(offsetof(onednn_version, cpu_runtime) == offsetof(dnnl_version_t, cpu_runtime), "");
        dnnl_status_t (*check_execute)(const_dnnl_primitive_t, dnnl_stream_t, int, const dnnl_exec_arg_t *)
            = &dnnl_primitive_execute;
        const dnnl_version_t *(*check_version)(void) = &dnnl_version;
        """

    /// What the compiler has to say.
    func compile(_ source: String) throws -> String {
        let (process, input, output) = (Process(), Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["clang", "-x", "c", "-fsyntax-only", "-Werror", "-"] + HeaderCheck.headers!.map { "-I" + $0 }
        process.standardInput = input
        process.standardError = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(source.utf8))
        try input.fileHandleForWriting.close()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: said, as: UTF8.self)
    }
}
