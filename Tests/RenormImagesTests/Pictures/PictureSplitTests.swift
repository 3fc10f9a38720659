import Foundation
import RenormImages
import Testing

/// How pictures are parted that nothing else parts.
@Suite struct PictureSplitTests {
    /// A list of classes with so many pictures, through a table whose lines are in any order.
    private func list(
        _ counts: [String: Int], seed: UInt64 = 0, split: PictureSplit? = nil, isReversed: Bool = false,
        leavingOut: Set<String> = []
    ) throws -> PictureList {
        let folder = try TemporaryFolder()
        var lines: [String] = []
        for (name, count) in counts {
            for picture in 0..<count where !leavingOut.contains("\(name)/\(picture).bmp") {
                try folder.add("\(name)/\(picture).bmp")
                lines.append("\(name)/\(picture).bmp,\(name)")
            }
        }
        lines.sort { isReversed ? $0 > $1 : $0 < $1 }
        let table = try folder.add("t.csv", Array((["path,label"] + lines).joined(separator: "\n").utf8))
        var options = PictureListOptions()
        options.split = split ?? PictureSplit(seed: seed)
        return try PictureList(table: table, options: options)
    }

    @Test func everyClassIsInEveryPart() throws {
        let counts = ["a": 1, "b": 2, "c": 3, "d": 4, "e": 15, "f": 100]
        let list = try list(counts)
        #expect(list.classCounts(of: .training) == [1, 1, 1, 2, 11, 80])
        // 1.5 of 15 are rounded to 2.
        #expect(list.classCounts(of: .validation) == [0, 0, 1, 1, 2, 10])
        #expect(list.classCounts(of: .test) == [0, 1, 1, 1, 2, 10])
    }

    @Test func fractionsMayBeNothing() throws {
        let counts = ["a": 1, "b": 2, "c": 10]
        let none = try list(counts, split: PictureSplit(validation: 0.2, test: 0))
        #expect(none.parts == [.training, .validation])
        #expect(none.classCounts(of: .validation) == [0, 1, 2])
        #expect(try list(counts, split: PictureSplit(validation: 0, test: 0)).parts == [.training])
        let most = try list(counts, split: PictureSplit(validation: 0.5, test: 0.45))
        #expect(most.classCounts(of: .training) == [1, 1, 1])
    }

    @Test func theSplitIsAFunctionOfSeedClassAndPaths() throws {
        let counts = ["a": 30, "b": 50]
        let first = try list(counts).partOfPath
        #expect(try list(counts, isReversed: true).partOfPath == first)
        #expect(try list(counts, seed: 1).partOfPath != first)
        // A class more or less does not move the others.
        let alone = try list(["a": 30, "c": 7]).partOfPath
        for (path, part) in first where path.hasPrefix("a/") { #expect(alone[path] == part) }
        // One picture less moves at most one other.
        let fewer = try list(counts, leavingOut: ["b/7.bmp"]).partOfPath
        #expect(fewer.filter { first[$0.key] != $0.value }.count <= 1)
        // It is the same on every machine and from one version to the next.
        #expect(
            first.filter { $0.value == .test }.keys.sorted()
                == [
                    "a/14.bmp", "a/25.bmp", "a/27.bmp", "b/2.bmp", "b/25.bmp", "b/30.bmp", "b/4.bmp",
                    "b/49.bmp",
                ])
    }
}
