import ArgumentParser
import Renorm

/// A trained network, pictures like those that it was trained on, and what computes: what commands share that measure statistics anew.
struct TrainedNetworkOptions: OptionTable {
    @Argument(help: "The folder of a run, or one of its .safetensors files; or say --weights.")
    var run: String?

    @OptionGroup var network: WeightsOptions

    @Option(
        Row(
            "Pictures that it was trained on, or like those: \(DataSources.help); or, without classes, a folder of any, a picture or an IDX file. Repeated: several. (default: the run's own)",
            valueName: "data"))
    var data: [NamedPictures] = []

    @OptionGroup var pictures: PictureListArguments

    @Option(Row("The seed of what is chosen and drawn."))
    var seed: UInt64 = 0

    @OptionGroup var reading: LoadingOptions
    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions
    @OptionGroup var printed: OutputOptions

    /// Pictures without classes, as an option names them.
    func unlabelled(_ paths: [String], _ option: String) -> UnlabelledPictures {
        UnlabelledPictures(
            paths: paths, option: option, seed: seed, skipsBroken: pictures.skipBroken,
            workers: reading.workers)
    }
}
