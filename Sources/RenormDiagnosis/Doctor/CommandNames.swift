/// How a network and its pictures are named on a command line, for remedies that are commands.
public struct CommandNames: Sendable, Hashable {
    /// The network: `runs/a`, or `--model mobilenetv2 --weights FILE`.
    public var network = "RUN"
    /// The same after `--from`: `runs/a`, or `FILE --model mobilenetv2`.
    public var start = "RUN"
    /// The training pictures, where the network's name does not say them: `--data images:photos`.
    public var data = ""
    /// The target; `nil`: by its own name.
    public var target: String?
    /// Where a network goes that is measured anew, where it is of no run: `--output recalibrated.safetensors`.
    public var output = ""

    /// Those of a run that is called RUN.
    public init() {}

    /// A command of such parts, without those that are empty.
    func command(_ parts: String...) -> String {
        (["renorm"] + parts).filter { !$0.isEmpty }.joined(separator: " ")
    }
}
