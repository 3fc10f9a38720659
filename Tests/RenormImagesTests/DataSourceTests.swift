import Foundation
import RenormArrays
import RenormImages
import Testing

@Suite struct DataSourceTests {
    @Test func sourcesAreWords() throws {
        #expect(try "\(DataSource(parsing: "fashion-mnist"))" == "fashion-mnist")
        #expect(try "\(DataSource(parsing: "idx:/a folder/b"))" == "idx:/a folder/b")
        #expect(try !DataSource(parsing: "fashion-mnist").isPath)
        let here = URL(fileURLWithPath: "c:d").path
        #expect(try "\(DataSource(parsing: "idx:c:d"))" == "idx:\(here)")
        for text in ["cifar", "idx:", "idx", ""] {
            let error = try #require(throws: ImagesError.self) { try DataSource(parsing: text) }
            #expect("\(error)".hasPrefix("\"\(text)\" is no data source. Expected fashion-mnist, idx:DIR"))
        }
    }

    @Test func aSourceOfOnesOwnIsFoundByName() throws {
        DataSources.register("own", argument: .required("COUNT"), help: "for so many pictures") { request in
            let count = try #require(request.argument.flatMap { Int($0) })
            let labels = (0..<count).map { Int32($0 % 2) }
            let whole = try Dataset(
                name: "own", images: NDArray(repeating: UInt8(count), shape: [count, 2, 3]), labels: labels,
                classNames: request.classNames ?? ["\(request.numbering.offset)", "b"])
            return request.part == .training ? whole : whole.subset([1])
        }
        let source = try DataSource(parsing: "own:7")
        #expect("\(source)" == "own:7")
        let data = try source.load(numbering: LabelNumbering(offset: 4))
        let (training, test) = (data.training, try #require(data.test))
        #expect(training.count == 7 && test.count == 1 && data.validation == nil)
        #expect(training.classNames == ["4", "b"] && test.classNames == training.classNames)
        let joined = try DataSource.load([source, source], .training, classNames: ["x", "y"])
        #expect(joined.count == 14 && joined.classNames == ["x", "y"])
        #expect(DataSources.forms.prefix(2) == ["fashion-mnist", "idx:DIR"])
        #expect(DataSources.formsText.hasPrefix("fashion-mnist, idx:DIR, "))
        let help = DataSources.help
        #expect(help.hasPrefix("fashion-mnist, idx:DIR for a folder of IDX files (.gz or not), "), "\(help)")
        #expect(help.contains("own:COUNT for so many pictures"), "\(help)")
        #expect(help.contains(", or "), "\(help)")
        let error = try #require(throws: ImagesError.self) { try DataSource(parsing: "own") }
        #expect("\(error)".contains("own:COUNT"))
    }

    @Test func partsOfDifferentSizesAreRefused() throws {
        DataSources.register("uneven") { request in
            let side = request.part == .training ? 2 : 3
            return try Dataset(
                name: "uneven", images: NDArray(repeating: UInt8(1), shape: [1, side, 2]), labels: [0],
                classNames: ["a"])
        }
        #expect(throws: ImagesError.sizesDiffer(training: [2, 2, 1], other: [3, 2, 1], part: "test")) {
            try DataSource(parsing: "uneven").load()
        }
    }

    @Test func dataThatNameTheirClassesTakeNoNumbering() throws {
        let source = try DataSource(parsing: "fashion-mnist")
        #expect(source.classNames?.count == 10)
        #expect(
            throws: ImagesError.namedClasses(data: "fashion-mnist", found: 10, offset: 1, classes: 10)
        ) {
            try source.load(numbering: LabelNumbering(offset: 1))
        }
    }
}
