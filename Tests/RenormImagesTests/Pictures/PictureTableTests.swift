import Foundation
import RenormImages
import Testing

/// Lists of pictures that tables name.
@Suite struct PictureTableTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for name in ["1", "2", "3", "sub/4", "sub/5, \"five\""] { try folder.add("\(name).bmp") }
    }

    private func list(_ text: String, _ change: (inout PictureListOptions) -> Void = { _ in }) throws
        -> PictureList
    {
        var options = PictureListOptions()
        change(&options)
        return try PictureList(table: folder.add("t.csv", Array(text.utf8)), options: options)
    }

    private func message(_ text: String, _ change: (inout PictureListOptions) -> Void = { _ in }) throws
        -> String
    {
        try #require(throws: ImagesError.self) { try list(text, change) }.message(in: folder)
    }

    private struct Case: Decodable {
        var text: String
        var rows: [[String]]
    }

    @Test func rowsAreThoseOfPythonsReader() throws {
        let data = try Data(contentsOf: fixtures.appendingPathComponent("tables.json"))
        for table in try JSONDecoder().decode([Case].self, from: data) {
            var reader = try CSVReader(folder.add("x.csv", Array(table.text.utf8)))
            var rows: [[String]] = []
            while try reader.next() {
                rows.append((0..<reader.fieldCount).map { String(decoding: reader.field($0), as: UTF8.self) })
            }
            #expect(rows == table.rows)
        }
    }

    @Test func linesAreCounted() throws {
        var reader = try CSVReader(folder.add("x.csv", Array("a,b\r\n\r\n\"1\n2\r\n3\",4\r5,6\n7,8".utf8)))
        var lines: [Int] = []
        while try reader.next() { lines.append(reader.line) }
        #expect(lines == [1, 3, 6, 7])
    }

    @Test func aTableNamesPicturesClassesPartsAndSources() throws {
        let list = try list(
            """
            \u{FEFF}Split;Label;PATH;camera
            train;dog;./sub//4.bmp;left
            Test;cat;"sub/5, ""five"".bmp";right
            ;cat;1.bmp;left
            validation;dog;\(folder.url.path)/2.bmp;
            """)
        #expect(list.classNames == ["cat", "dog"])
        #expect(list.paths == ["sub/4.bmp", "sub/5, \"five\".bmp", "1.bmp", "\(folder.url.path)/2.bmp"])
        #expect(list.labels == [1, 0, 0, 1])
        #expect((0..<4).map { list.part(of: $0) } == [.training, .test, .training, .validation])
        #expect(list.sourceNames == ["", "left", "right"])
        #expect((0..<4).map { list.source(of: $0) } == [1, 2, 1, 0])
        #expect(try pixels(PictureFiles(list), 3).prefix(3) == [10, 20, 30])
    }

    @Test func numbersAreClassesInTheirOrder() throws {
        #expect(try list("file,target\n1.bmp,10\n2.bmp,9\n3.bmp,-1\n").classNames == ["-1", "9", "10"])
        #expect(try list("file,target\n1.bmp,10\n2.bmp,9\n3.bmp,x\n").classNames == ["10", "9", "x"])
    }

    @Test func columnsMayBeCalledOtherwise() throws {
        let text = "a,b,label\n1.bmp,x,p\n2.bmp,y,q\n"
        #expect(
            try message(text)
                == "DIR/t.csv has no column 'path', 'file', 'filename', 'image' in its first line, but 'a', 'b', 'label'. "
                + "Expected one called so. Rename the column, or say what it is called.")
        let list = try list(text) {
            $0.columns.path = ["A"]
            $0.columns.label = ["b"]
        }
        #expect(list.classNames == ["x", "y"])
        #expect(
            try message("path,label\n1.bmp,a\n") { $0.columns.source = ["place"] }
                .hasPrefix("DIR/t.csv has no column 'place' in its first line, but 'path', 'label'."))
    }

    @Test func validationIsHeldOutOfTheTrainingLines() throws {
        let list = try list(
            "path,label,split\n1.bmp,a,train\n2.bmp,a,train\n3.bmp,a,train\nsub/4.bmp,b,test\n"
        ) {
            $0.classNames = ["a", "b"]
        }
        #expect(list.parts == [.training, .validation, .test])
        #expect(list.classCounts(of: .validation) == [1, 0])
    }

    @Test func whatIsWrongIsSaidWithItsLine() throws {
        #expect(
            try message("path,label\n1.bmp,a\nnowhere.bmp,b\n2.bmp,b\n").hasPrefix(
                "1 of 3 pictures of DIR/t.csv cannot be read:\n  line 3: There is no file nowhere.bmp in DIR. Expected it there."
            ))
        #expect(
            try message("path,label\n1.bmp,a\n2.bmp,c\n") { $0.classNames = ["a", "b"] }
                == "DIR/t.csv, line 3: 'c' in the column 'label'. Expected one of the classes 'a', 'b'. Correct the line."
        )
        #expect(
            try message("path,label,split\n1.bmp,a,train\n2.bmp,b,dev\n")
                == "DIR/t.csv, line 3: 'dev' in the column 'split'. Expected one of train, training, val, valid, validation, "
                + "test, testing, or nothing for training. Correct the line.")
        #expect(
            try message("path,label\n1.bmp,a\n./1.bmp,b\n")
                == "DIR/t.csv, line 3: '1.bmp' stands in line 2 already. Expected each picture once. Remove one of the lines."
        )
        #expect(
            try message("path,label\n1.bmp,a\n,b\n").hasPrefix(
                "DIR/t.csv, line 3: '' in the column 'path'. Expected the path"))
        #expect(
            try message("path,label\n1.bmp,\n").hasPrefix(
                "DIR/t.csv, line 2: '' in the column 'label'. Expected the name"))
        #expect(
            try message("path,label\n1.bmp,a\n2.bmp,b,c\n").hasPrefix(
                "DIR/t.csv, line 3: it has 3 values, and the first line names 2 columns. Expected a table"))
        #expect(
            try message("path,label\n\"1.bmp,a\n2.bmp,b\n").hasPrefix(
                "DIR/t.csv, line 2: a quote that begins there never ends."))
        #expect(
            try message("path,label\n\"1.bmp\"x,a\n").hasPrefix(
                "DIR/t.csv, line 2: a quote ends before the end of its field"))
        #expect(try message("path,label\n1.bmp,a\0\n").hasPrefix("DIR/t.csv, line 2: it holds a byte 0"))
        #expect(try message("").hasPrefix("DIR/t.csv holds no examples."))
        #expect(try message("path,label\n").hasPrefix("DIR/t.csv holds no examples."))
        #expect(try message("path,label\n1.bmp,a\n").hasPrefix("DIR/t.csv holds pictures of one class, 'a'."))
        let wide = try folder.add("w.csv", [0xFF, 0xFE, 0x61, 0])
        #expect(throws: ImagesError.damagedTable(path: wide.path, line: 1, reason: "it is text in UTF-16")) {
            try PictureList(table: wide)
        }
    }

    @Test func missingPicturesAreLeftOutWhereThatIsAskedFor() throws {
        let list = try list("path,label\n1.bmp,a\nnowhere.bmp,b\n2.bmp,b\n") { $0.skipsBroken = true }
        #expect(list.paths == ["1.bmp", "2.bmp"])
        #expect(list.report.broken.first.map(\.path) == ["nowhere.bmp"])
    }

    @Test func aRecordIsComparedInWords() throws {
        let before = try list(
            "path,label,split,source\n1.bmp,a,,x\n2.bmp,\"b,\"\"c\"\"\",,x\nsub/4.bmp,a,,y\n\"sub/5, \"\"five\"\".bmp\",a,,y\n"
        )
        let url = folder.url.appendingPathComponent("pictures.csv")
        try before.write(to: url)
        #expect(
            try String(contentsOf: url, encoding: .utf8).split(separator: "\n").prefix(3) == [
                "path,size,class,part,source,height,width",
                "1.bmp,\(bitmap().count),a,\(before.part(of: 0)),x,3,4",
                "2.bmp,\(bitmap().count),\"b,\"\"c\"\"\",\(before.part(of: 1)),x,3,4",
            ])
        #expect(try before.differences(from: url).isEmpty)
        try folder.add("1.bmp", bitmap(height: 9))
        let after = try list(
            "path,label,split,source\n1.bmp,a,test,x\n2.bmp,a,,z\n3.bmp,b,,x\nsub/4.bmp,a,,y\n"
        ) {
            $0.split.validation = 0
        }
        let differences = try after.differences(from: url)
        #expect(differences.added.examples == ["3.bmp"])
        #expect(differences.missing.examples == ["sub/5, \"five\".bmp"])
        #expect(differences.sizes.examples == ["1.bmp"])
        #expect(differences.classes.examples == ["2.bmp"])
        #expect(differences.sources.examples == ["2.bmp"])
        #expect(
            differences.description.hasPrefix(
                "1 added (3.bmp); 1 missing (sub/5, \"five\".bmp); 1 changed in size (1.bmp); 1 of another class (2.bmp); "
            ))
        let other = try folder.add("other.csv", Array("path,label\n".utf8))
        #expect(
            throws: ImagesError.damagedTable(
                path: other.path, line: 1, reason: "it does not begin as a list of pictures does")
        ) { try after.differences(from: other) }
        let damaged = try folder.add(
            "damaged.csv", Array("path,size,class,part,source,height,width\n1.bmp,x,a,test,,1,1\n".utf8))
        #expect(
            throws: ImagesError.damagedTable(
                path: damaged.path, line: 2, reason: "it is no line of a list of pictures")
        ) { try after.differences(from: damaged) }
    }
}
