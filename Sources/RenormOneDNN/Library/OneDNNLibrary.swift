import COneDNN
import Foundation

/// oneDNN, opened once in a process, with its one CPU engine and stream.
package final class OneDNNLibrary: @unchecked Sendable {
    /// Its functions.
    let functions: onednn_functions
    /// Such as `3.2.0`.
    package let version: String
    /// Where it was found.
    package let path: String
    let engine: OpaquePointer
    let stream: OpaquePointer
    private let handle: UnsafeMutableRawPointer

    /// The library, opened at the first use.
    package static func shared() throws(OneDNNError) -> OneDNNLibrary { try opened.get() }

    private static let opened = Result { () throws(OneDNNError) in
        try OneDNNLibrary(candidates: OneDNNLibrary.candidates())
    }

    /// Opens the first of the candidates that there is.
    package init(candidates: [String]) throws(OneDNNError) {
        // Read when libgomp loads, so it must be decided here. Threads that sleep at once between parallel regions take 5 %
        // of a step to wake. Threads that spin on starve whatever else runs, and themselves: beside one busy process a
        // step of 41 ms took 94 ms with none, 196 ms with 30,000 and 528 ms with endless turns; 1,000 cost little.
        if getenv("OMP_WAIT_POLICY") == nil, getenv("GOMP_SPINCOUNT") == nil {
            setenv("OMP_WAIT_POLICY", "passive", 0)
            setenv("GOMP_SPINCOUNT", "1000", 0)
        }
        guard let (handle, path) = OneDNNLibrary.firstThatOpens(candidates) else {
            throw .notFound(searched: candidates)
        }
        var functions = onednn_functions()
        if let missing = onednn_find_functions(handle, &functions) {
            throw .incomplete(path: path, function: String(cString: missing))
        }
        guard let version = functions.version()?.pointee else {
            throw .incomplete(path: path, function: "dnnl_version")
        }
        let text = "\(version.major).\(version.minor).\(version.patch)"
        guard version.major >= ONEDNN_MINIMUM_MAJOR else { throw .tooOld(path: path, version: text) }
        var engine: OpaquePointer?
        var stream: OpaquePointer?
        try OneDNNLibrary.check(
            functions.engine_create(&engine, UInt32(onednn_cpu), 0), "making the CPU engine")
        try OneDNNLibrary.check(
            functions.stream_create(&stream, engine, UInt32(onednn_stream_in_order)), "making a stream")
        guard let engine, let stream else { throw .status(code: 1, doing: "making the CPU engine") }
        (self.handle, self.path, self.functions) = (handle, path, functions)
        (self.version, self.engine, self.stream) = (text, engine, stream)
    }

    /// The address of a function of the library or of a runtime that it has loaded, such as `GOMP_parallel`.
    func address(of function: String) -> UnsafeMutableRawPointer? { dlsym(handle, function) }

    /// Throws unless a status is success.
    static func check(_ status: onednn_status, _ doing: @autoclosure () -> String) throws(OneDNNError) {
        if status != 0 { throw .status(code: Int(status), doing: doing()) }
    }

    /// Whether its convolutions take bf16; by emulation, and slowly, where AVX-512 lacks the instructions.
    var multipliesBF16: Bool {
        Int(functions.get_effective_cpu_isa()) & Int(onednn_isa_avx512) == Int(onednn_isa_avx512)
    }

    /// Whether it multiplies bf16 by instructions of the processor.
    var hasBF16Instructions: Bool {
        Int(functions.get_effective_cpu_isa()) & Int(onednn_isa_avx512_bf16) == Int(onednn_isa_avx512_bf16)
    }

    /// The widest instruction set that it uses.
    var instructionSet: String {
        let isa = Int(functions.get_effective_cpu_isa())
        let names = [
            (Int(onednn_isa_avx512_amx), "avx512-amx"), (Int(onednn_isa_avx512_bf16), "avx512-bf16"),
            (Int(onednn_isa_avx512), "avx512"), (Int(onednn_isa_avx2), "avx2"),
        ]
        return names.first { isa & $0.0 == $0.0 }?.1 ?? "baseline"
    }
}
