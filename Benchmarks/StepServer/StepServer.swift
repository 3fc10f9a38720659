// Keeps one training step (or inference) warm and times it on request, so that a driver can take turns with another
// program exactly. The images are synthetic; a step is everything from the batch in memory to the updated parameters.

import Foundation
import Serving

@main
struct StepServer {
    static func main() {
        Conversation.hold { try Work(Options(CommandLine.arguments.dropFirst(), names: Options.names)) }
    }
}
