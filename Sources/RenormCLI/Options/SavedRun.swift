import Foundation
import Renorm

/// What a path names that a command reads a trained network from: a run's folder, or one of its files.
struct SavedRun {
    /// The file with the network.
    let model: URL
    /// Where a run's own options would be.
    let folder: RunFolder
    /// The path as it was given.
    let path: String

    /// - Throws: `TrainingError.noCheckpoint` if a folder holds no network.
    init(_ path: String) throws {
        self.path = path
        let url = URL(fileURLWithPath: path)
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
            model = url
            folder = RunFolder(url.deletingLastPathComponent())
        } else {
            folder = RunFolder(url)
            model = try folder.chosen()
        }
    }

    /// The data that the run was trained on: what its config.yml says or, without one, what its network says of data that
    /// every machine knows by the same name.
    ///
    /// - Throws: `UsageError` if neither says it.
    func dataSources(_ trained: TrainedModel) throws -> [DataSource] {
        if let own = try ConfigurationFile.data(of: folder), !own.isEmpty {
            return try own.map(DataSource.init(parsing:))
        }
        let data = trained.record.data
        if let known = try? DataSource(parsing: data.name), known.classNames == data.classNames {
            return [known]
        }
        throw UsageError(
            "\(path): found no config.yml beside the network that says where its data are ('\(data.name)', "
                + "\(data.classNames.count) classes, images of \(data.image)); expected them to be named. "
                + "Say --data idx:DIR.")
    }
}

extension SavedRun {
    /// How pictures are found and read: the run's own data as when it was trained.
    func pictureOptions(_ given: DataOptions, _ trained: TrainedModel) throws -> PictureOptions {
        var arguments = given.pictures
        if given.data.isEmpty {
            let own = try PictureListArguments.parse(
                ConfigurationFile.arguments(of: folder, for: PictureListArguments.options))
            arguments.columns = arguments.columns ?? own.columns
            arguments.sourceLevel = arguments.sourceLevel ?? own.sourceLevel
            arguments.skipBroken = arguments.skipBroken || own.skipBroken
            arguments.maxPixels = max(arguments.maxPixels, own.maxPixels)
        }
        var options = arguments.options(seed: trained.record.configuration.seed)
        if !given.data.isEmpty { options.runLists = folder.pictureLists }
        return options
    }
}

extension WeightsOptions.Source {
    /// How pictures that are named beside the network are found and read. Those that nothing parts are all there to be measured, unless a
    /// run was trained on them: then they are parted as for it.
    func pictureOptions(_ given: DataOptions, seed: UInt64 = 0) throws -> PictureOptions {
        if let run { return try run.saved.pictureOptions(given, run.trained) }
        var result = given.pictures.options(seed: seed)
        result.runLists = []
        return result
    }
}

/// Loads data; where a file of options names a folder that is not there, the error says how to name another.
///
/// - Parameter isGiven: Whether the command line names the data.
func loading<Result>(_ sources: [DataSource], isGiven: Bool, _ body: ([DataSource]) throws -> Result)
    throws
    -> Result
{
    do {
        return try body(sources)
    } catch let error as ImagesError {
        let isElsewhere = !isGiven && sources.contains(where: \.isPath)
        switch error {
        case .missingFile where isElsewhere, .missingFolder where isElsewhere:
            throw UsageError("\(error) (A file of options names this folder; --data idx:DIR names another.)")
        default: throw error
        }
    }
}
