import Foundation
import RenormArrays

/// Why a run cannot start, go on or be read.
public enum TrainingError: Error, Hashable, Sendable {
    /// An option that is out of range.
    case option(name: String, found: String, expected: String)
    /// Class weights that are none, or not those of the data; `path` is their file, if they are from one.
    case classWeights(path: String? = nil, found: String, expected: String)
    /// Images of another shape than the model takes.
    case imageShape(data: String, found: TensorShape, expected: TensorShape)
    /// Another number of classes than the model tells apart.
    case classes(data: String, found: Int, expected: Int)
    /// A folder that cannot be made or read.
    case folder(path: String, reason: String)
    /// A folder for a new run that is not empty.
    case runExists(folder: String)
    /// A folder that another run is writing to.
    case inUse(folder: String)
    /// A folder without a saved state.
    case noCheckpoint(folder: String)
    /// A safetensors file that was not saved by a run.
    case notACheckpoint(path: String, reason: String)
    /// A history of a run with a line that is none.
    case history(path: String, line: Int, reason: String)
    /// A checkpoint of another version of the format.
    case formatVersion(path: String, found: Int, expected: Int)
    /// A checkpoint of a run with other options.
    case otherRun(path: String, differences: [ConfigurationDifference])
    /// Pictures that are not those that a run was begun with; `differences` says in what.
    case otherPictures(path: String, differences: String)
    /// A run that has already made more steps than asked for.
    case alreadyFurther(path: String, step: Int, steps: Int)
    /// A file of weights that does not say which network they are of.
    case unknownNetwork(path: String)
    /// A checkpoint of layers that are not of the zoo.
    case unknownLayers(path: String)
    /// Something was not finite in a step; nothing was updated by it. `step` counts from 1.
    case notFinite(step: Int, path: String, checkpoint: String?)
    /// Batch after batch was not finite. `step` counts from 1.
    case neverFinite(step: Int, path: String, batches: Int, checkpoint: String?)
    /// Of the state that so many steps made something was not finite when it was to be evaluated in its run, which can go on
    /// without that evaluation if its variables are finite.
    case evaluationNotFinite(
        set: EvaluationSet, step: Int, path: String, checkpoint: String?, canGoOn: Bool)
    /// Something was not finite when a network was used on data.
    case notFiniteOn(data: String, path: String)
    /// No learning rate of a range test made the loss less.
    case noLearningRate(steps: Int, from: Double, to: Double)
}

extension TrainingError {
    /// An option of a run that is out of range.
    package init(_ fault: Fault) {
        self = .option(
            name: fault.name.isEmpty ? "model" : fault.name, found: fault.found, expected: fault.expected)
    }
}

extension TrainingError: CustomStringConvertible {
    /// What was found and where, what was expected, and what to do.
    public var description: String {
        switch self {
        case .option(let name, let found, let expected):
            return "\(name): found \(found); expected \(expected). Change the option."
        case .classWeights(let path, let found, let expected):
            return
                "Class weights\(path.map { " of \($0)" } ?? ""): found \(found); expected \(expected). "
                + (path == nil ? "Change them, or leave them out." : "Correct the file.")
        case .imageShape(let data, let found, let expected):
            return
                "The images of \(data) are \(found) (height, width, channels); expected \(expected), as the "
                + "model takes. Use the data that the model is for, or another model."
        case .classes(let data, let found, let expected):
            return
                "\(data) has \(found) classes; expected \(expected), as the model tells apart. Use the data "
                + "that the model is for, or a model of \(found) classes."
        case .otherPictures(let path, let differences):
            return
                "The pictures are not those of \(path), with which the run began: \(differences). Expected the same ones, from "
                + "wherever they are now. Put them back, or begin a new run."
        case .folder(let path, let reason):
            return
                "The folder \(path) cannot be used: \(reason). Expected a folder that can be made and written "
                + "to. Name another one."
        case .runExists(let folder):
            return "The folder \(folder) is not empty; expected a new one, so that no run is overwritten. "
                + "Go on from its last checkpoint, or name another folder."
        case .inUse(let folder):
            return
                "Another run is under way in the folder \(folder); expected to be alone there. Wait until it has "
                + "ended, or name another folder."
        case .noCheckpoint(let folder):
            return "There is no checkpoint in \(folder); expected model.safetensors, best.safetensors or "
                + "last.safetensors. Check the path, or train first."
        case .notACheckpoint(let path, let reason):
            return "\(path) is no checkpoint of a run: \(reason). Expected a file that training saved. "
                + "Check the path; a new run can start from a file of parameters alone."
        case .history(let path, let line, let reason):
            return
                "\(path), line \(line), is no part of a run's history: \(reason). Expected the lines that training "
                + "wrote. Take the file away to see the rest of the run."
        case .formatVersion(let path, let found, let expected):
            return "\(path) is a checkpoint of format \(found); expected format \(expected). "
                + "Read it with the version of renorm that wrote it."
        case .otherRun(let path, let differences):
            let lines = differences.map { "  \($0.option): saved \($0.saved), given \($0.given)" }
            return "\(path) is of a run with other options:\n\(lines.joined(separator: "\n"))\n"
                + "Expected the options that the run began with; only more steps under the same schedules, and when "
                + "to evaluate, save and skip, may change. Leave these options as they were, or start a new run in "
                + "another folder."
        case .alreadyFurther(let path, let step, let steps):
            return
                "\(path) was saved after step \(step); expected at most \(steps), the number of steps asked for. "
                + "Ask for more steps, or use the saved model as it is."
        case .unknownNetwork(let path):
            return
                "\(path) does not say which network it is for; expected a file that renorm or a run of it has written. Name "
                + "the network."
        case .unknownLayers(let path):
            return "\(path) holds a model of layers that are not of the zoo; expected the layers with it. "
                + "Read it with TrainedModel(reading:layer:)."
        case .notFinite(let step, let path, let checkpoint):
            return
                "Step \(step): '\(path)' is not finite (NaN or infinity); expected finite numbers. Nothing was "
                + "updated\(saved(checkpoint)). Lower the learning rate, look at the data, or let such batches "
                + "be skipped."
        case .neverFinite(let step, let path, let batches, let checkpoint):
            return
                "Step \(step): '\(path)' is not finite, as in each of the \(batches) batches before; expected "
                + "only single batches to be so. Nothing was updated\(saved(checkpoint)). Lower the learning rate, "
                + "and start from an earlier state."
        case .evaluationNotFinite(let set, let step, let path, let checkpoint, let canGoOn):
            return
                "After step \(step) '\(path)' is not finite (NaN or infinity) on the \(set.rawValue) images; expected "
                + "finite numbers, without which accuracy and loss mean nothing. "
                + (checkpoint.map { "The state is saved in \($0). " } ?? "")
                + "Lower the learning rate or, with small groups of examples, use batch-renorm; "
                + (canGoOn
                    ? "or go on and let such evaluations be left out."
                    : "training cannot go on from this state.")
        case .noLearningRate(let steps, let from, let to):
            return
                "The range test found no learning rate from \(from) to \(to), in \(steps) steps, at which the loss falls; expected "
                + "one. Choose a learning rate, and look at the data: their labels may say nothing of the pictures."
        case .notFiniteOn(let data, let path):
            return
                "'\(path)' is not finite (NaN or infinity) on \(data); expected finite numbers, without which classes, "
                + "accuracy and loss mean nothing. Use an earlier state of the run, or train again with a lower "
                + "learning rate or, with small groups of examples, with batch-renorm."
        }
    }

    private func saved(_ checkpoint: String?) -> String {
        checkpoint.map { ", and the state before it is saved in \($0)" } ?? ""
    }
}
