import Foundation
import RenormArrays
import RenormFormats
import RenormTestSupport
import Testing

@Suite struct PyTorchFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(_ name: String, under key: String? = nil) throws -> NamedArrays {
        try NamedArrays(reading: PyTorchFixtures.file(name, in: folder), under: key)
    }

    /// Both formats, protocols 2 to 5, every type, strides, shared storages, packed entries, 64-bit lists of entries.
    @Test(arguments: PyTorchFixtures.whole)
    func holdsWhatPyTorchReads(file: String) throws {
        let expected = PyTorchFixtures.values(file)
        let content = try read(file)
        #expect(Set(content.arrays.keys) == Set(expected.keys))
        for (name, array) in content.arrays {
            #expect(array == expected[name], "\(name)")
        }
    }

    @Test func theFixtureHasEveryKind() {
        #expect(PyTorchFixtures.whole.count == 23)
        #expect(PyTorchFixtures.values("types.pth").count == 14)
        #expect(PyTorchFixtures.values("views.pth").count == 14)
    }

    @Test(arguments: ["types.pth", "types-legacy.pth"])
    func keepsTheOrderAndSaysWhatTypesBecame(file: String) throws {
        let content = try read(file)
        #expect(content.arrays.keys.elements.prefix(3) == ["z.weight", "a.weight", "half"])
        #expect(content.arrays["num_batches_tracked"] == NDArray(scalar: Int64(7)))
        #expect(
            content.remarks == [
                "1 tensor of f16 became f32.", "1 tensor of i16 became i32.", "1 tensor of i8 became i32.",
                "1 tensor of bool became u8.",
            ])
    }

    @Test(arguments: [
        ("state.pth", []),
        (
            "checkpoint-legacy.pth",
            [
                "The weights were found under \"state_dict\". Beside them the file has \"epoch\", \"arch\", \"best_acc1\", "
                    + "\"optimizer\", \"big\", \"loss\" and 13 more.",
                "\"module.\" was removed before each name.",
            ]
        ),
        (
            "prefixes.pth",
            [
                "\"_orig_mod.\" was removed before each name.", "\"module.\" was removed before each name.",
            ]
        ),
        ("extra.pth", ["\"bn._extra_state\", \"note\" and \"n\" are no tensors and were left out."]),
        (
            "deep.pth",
            [
                "The weights were found under \"state_dict\" of \"model\".",
                "\"model.\" was removed before each name.",
            ]
        ),
        (
            "two.pth",
            [
                "The weights were found under \"model\". There are others under \"model_ema\", which were left out. "
                    + "Beside them the file has \"epoch\"."
            ]
        ),
        (
            "own-name.pth",
            [
                "The weights were found under \"student\". Beside them the file has \"rng\" and \"epoch\"."
            ]
        ),
    ])
    func saysWhatWasUnderstood(file: String, remarks: [String]) throws {
        #expect(try read(file).remarks == remarks)
    }

    @Test func aPartOfACheckpointCanBeNamed() throws {
        #expect(
            try read("two.pth", under: "model_ema").arrays == ["w": NDArray([0, 0] as [Float], shape: [2])])
        let error = try #require(throws: FormatError.self) { try read("two.pth", under: "weights") }
        #expect(
            error
                == .noStateDictionary(
                    path: folder.url.appendingPathComponent("two.pth").path,
                    found:
                        "there are no tensors under \"weights\"; it has \"model\", \"model_ema\" and \"epoch\""
                ))
    }

    @Test func whatWasUnderstoodIsNoPartOfTheContent() throws {
        let (plain, prefixed) = (try read("deep.pth"), try read("prefixes.pth"))
        #expect(plain.remarks != prefixed.remarks)
        #expect(plain == prefixed)
    }

    @Test func tensorsOfOneStorageThatAreEqualShareMemory() throws {
        let content = try read("views.pth")
        let places = ["tied.a", "tied.b", "tied.row"].map { name in
            content.arrays[name]!.withUnsafeBytes { $0.baseAddress! }
        }
        #expect(places[0] == places[1])
        #expect(places[0] != places[2])
    }

    @Test func aCutFileIsRefusedWhereverItIsCut() throws {
        for (name, isZip) in [("state.pth", true), ("state-legacy.pth", false)] {
            let bytes = try PyTorchFixtures.bytes(name)
            let url = folder.url.appendingPathComponent("cut.pth")
            for length in stride(from: 0, to: bytes.count, by: testsAreThorough ? 1 : 41) {
                try Data(bytes.prefix(length)).write(to: url)
                let error = try #require(throws: FormatError.self) { try NamedArrays(reading: url) }
                switch error {
                case .unknownFormat, .truncated: break
                case .damagedArchive where isZip: break
                case .malformedPickle where !isZip: break
                default: Issue.record("\(name), \(length): \(error)")
                }
            }
        }
    }
}
