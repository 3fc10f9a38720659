import RenormArrays
import Foundation

extension OneDNNLibrary {
    #if canImport(Darwin)
        static let fileNames = ["libdnnl.3.dylib", "libdnnl.dylib"]
    #else
        static let fileNames = ["libdnnl.so.3", "libdnnl.so"]
    #endif

    /// Where to look, in order: beside the program, `ONEDNN_ROOT`, a checkout's `.deps` above the working directory or
    /// the program, the system.
    package static func candidates(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        workingDirectory: String = FileManager.default.currentDirectoryPath,
        program: String? = OneDNNLibrary.programPath
    ) -> [String] {
        var folders: [String] = []
        var starts = [workingDirectory]
        if let program {
            let folder = URL(fileURLWithPath: program).deletingLastPathComponent().path
            folders += [folder, folder + "/lib"]
            starts.append(folder)
        }
        if let root = environment["ONEDNN_ROOT"], !root.isEmpty {
            folders += [root + "/lib", root + "/lib64", root]
        }
        for folder in starts.flatMap(foldersUpwards) where folder != "/" {
            folders.append(folder + "/.deps/onednn/lib")
        }
        return folders.flatMap { folder in fileNames.map { folder + "/" + $0 } } + fileNames
    }

    /// The file of the running program.
    package static var programPath: String? {
        #if canImport(Darwin)
            Bundle.main.executablePath
        #else
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        #endif
    }

    /// Opens the first of the candidates that exists and loads.
    static func firstThatOpens(_ candidates: [String]) -> (UnsafeMutableRawPointer, String)? {
        for path in candidates {
            let isFile = path.contains("/")
            if isFile {
                guard FileManager.default.fileExists(atPath: path) else { continue }
                // A runtime that was set up beside the library, for systems that have none.
                let runtime = URL(fileURLWithPath: path).deletingLastPathComponent().path + "/libgomp.so.1"
                if FileManager.default.fileExists(atPath: runtime) { dlopen(runtime, RTLD_NOW | RTLD_GLOBAL) }
            }
            if let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) { return (handle, path) }
        }
        return nil
    }
}
