import Foundation
import RenormImages
import Testing

/// Lists of pictures that are made of folders.
@Suite struct PictureFolderTests {
    @Test func aFolderIsAClass() throws {
        let folder = try TemporaryFolder()
        try folder.add("cat", count: 3)
        try folder.add(
            "Dog/young/1.png", [UInt8](Data(contentsOf: fixtures.appendingPathComponent("images/gray8.png"))))
        try folder.add("Dog/2.BMP")
        try folder.add("cat-2/a b.bmp")
        let list = try PictureList(folder.url)
        // As Python sorts them: capitals first, and '-' before '/'.
        #expect(list.classNames == ["Dog", "cat", "cat-2"])
        #expect(
            list.paths == [
                "Dog/2.BMP", "Dog/young/1.png", "cat/0.bmp", "cat/1.bmp", "cat/2.bmp", "cat-2/a b.bmp",
            ])
        #expect(list.labels == [0, 0, 1, 1, 1, 2])
        #expect(list.classCounts() == [2, 3, 1])
        #expect(list.header(of: 0) == PictureHeader(format: .bmp, height: 3, width: 4, isColour: true))
        #expect(list.header(of: 1) == PictureHeader(format: .png, height: 7, width: 5, isColour: false))
        #expect(list.fileSize(of: 0) == bitmap().count)
        #expect(list.commonChannels == 3)
        #expect(list.report.leftOut == "")
        #expect(
            list.report.warnings.map { $0.replacingOccurrences(of: folder.url.path, with: "DIR") } == [
                "DIR holds a single picture of the class 'cat-2': what is learned of it cannot be measured. Add pictures, or "
                    + "remove the folder."
            ])
    }

    @Test func foldersOfPartsAreFound() throws {
        let folder = try TemporaryFolder()
        for (part, count) in [("Train", 4), ("valid", 2), ("test", 1)] {
            for name in ["a", "b"] { try folder.add("\(part)/\(name)", count: count) }
        }
        let list = try PictureList(folder.url)
        #expect(list.parts == [.training, .validation, .test])
        #expect(list.classNames == ["a", "b"])
        #expect(list.pictures(of: .training).map { list.path(of: $0) }.first == "Train/a/0.bmp")
        #expect(list.classCounts(of: .training) == [4, 4])
        #expect(list.classCounts(of: .validation) == [2, 2])
        #expect(list.classCounts(of: .test) == [1, 1])
    }

    @Test func validationIsHeldOutOfTrainingWhereThereIsNone() throws {
        let folder = try TemporaryFolder()
        for name in ["a", "b"] { try folder.add("train/\(name)", count: 20) }
        let list = try PictureList(folder.url)
        #expect(list.parts == [.training, .validation])
        #expect(list.classCounts(of: .validation) == [2, 2])
        var options = PictureListOptions()
        options.split.validation = 0
        #expect(try PictureList(folder.url, options: options).parts == [.training])
    }

    @Test func aFolderCalledAsAPartMayBeAClass() throws {
        let folder = try TemporaryFolder()
        for name in ["bus", "train", "car"] { try folder.add(name, count: 3) }
        #expect(try PictureList(folder.url).classNames == ["bus", "car", "train"])
    }

    @Test func hiddenAndOtherFilesAreCounted() throws {
        let folder = try TemporaryFolder()
        for name in ["a", "b"] { try folder.add(name, count: 3) }
        try folder.add("a/.hidden.bmp")
        try folder.add(".git/config")
        try folder.add("__MACOSX/a/._0.bmp")
        try folder.add("a/notes.TXT", Array("hi".utf8))
        try folder.add("a/empty", [])
        try folder.add("b/picture without suffix")
        try folder.add("readme.md", Array("# hi".utf8))
        let list = try PictureList(folder.url)
        #expect(list.count == 7)
        #expect(list.report.hidden == 3)
        #expect(list.report.others == ["txt": 1, "": 1])
        #expect(list.report.leftOut == "3 hidden, 1 without suffix, 1 .txt")
        #expect(list.report.withoutClass == [])
        try folder.add("stray.bmp")
        #expect(try PictureList(folder.url).report.withoutClass == ["stray.bmp"])
    }

    @Test func linksAreFollowedOnce() throws {
        let folder = try TemporaryFolder()
        try folder.add("pool/x", count: 3)
        try folder.add("data/b", count: 2)
        try folder.link("data/a", to: "../pool/x")
        try folder.link("data/b/again", to: "..")
        try folder.link("data/b/z.bmp", to: "0.bmp")
        try folder.link("data/a2", to: "../pool/x")
        try FileManager.default.linkItem(
            at: folder.url.appendingPathComponent("data/b/1.bmp"),
            to: folder.url.appendingPathComponent("data/b/other name.bmp"))
        for _ in 0..<5 {
            let list = try PictureList(folder.url.appendingPathComponent("data"))
            #expect(list.paths == ["a/0.bmp", "a/1.bmp", "a/2.bmp", "b/0.bmp", "b/1.bmp"])
            // Two folders, one link to a file, one other name.
            #expect(list.report.repeated == 4)
        }
    }

    @Test func aLinkToNothingIsABrokenPicture() throws {
        let folder = try TemporaryFolder()
        for name in ["a", "b"] { try folder.add(name, count: 2) }
        try folder.link("a/gone.jpg", to: "nowhere.jpg")
        #expect(
            try message(in: folder)
                == "1 of 5 pictures of DIR cannot be read:\n  There is no file gone.jpg in DIR/a. Expected it there. Check "
                + "the path.\nExpected pictures (JPEG, PNG, WebP, GIF or BMP) that are whole. Mend or remove them, or have "
                + "broken ones left out.")
    }

    @Test func brokenPicturesAreNamedOrLeftOut() throws {
        let folder = try TemporaryFolder()
        for name in ["a", "b"] { try folder.add(name, count: 2) }
        try folder.add("a/text.jpg", Array("this is text".utf8))
        for number in 0..<12 { try folder.add("b/empty \(number).png", []) }
        let said = try message(in: folder)
        #expect(said.hasPrefix("13 of 17 pictures of DIR cannot be read:\n  DIR/a/text.jpg is a text file."))
        #expect(said.contains("\n  and 3 more\nExpected"))
        var options = PictureListOptions()
        options.skipsBroken = true
        let list = try PictureList(folder.url, options: options)
        #expect(list.count == 4)
        #expect(list.report.broken.count == 13)
        #expect(list.report.broken.first.map(\.path).first == "a/text.jpg")
        #expect(list.report.leftOut == "13 broken")
    }

    @Test func wholeFilesAreDecodedWhereThatIsAskedFor() throws {
        let folder = try TemporaryFolder()
        for name in ["a", "b"] { try folder.add(name, count: 2) }
        let png = try [UInt8](Data(contentsOf: fixtures.appendingPathComponent("images/large.png")))
        try folder.add("a/cut.png", Array(png.dropLast(200)))
        #expect(try PictureList(folder.url).count == 5)
        var options = PictureListOptions()
        options.decodesAll = true
        #expect(
            try message(in: folder, options: options).hasPrefix(
                "1 of 5 pictures of DIR cannot be read:\n  DIR/a/cut.png"))
    }

    @Test func sourcesAreFoldersBelowClasses() throws {
        let folder = try TemporaryFolder()
        try folder.add("a/camera 2/x/1.bmp")
        try folder.add("a/camera 1/1.bmp")
        try folder.add("b/camera 2/1.bmp")
        try folder.add("b/2.bmp")
        var options = PictureListOptions()
        options.sourceLevel = 1
        let list = try PictureList(folder.url, options: options)
        #expect(list.sourceNames == ["", "camera 1", "camera 2"])
        #expect((0..<4).map { list.source(of: $0) } == [1, 2, 0, 2])
        #expect(list.datasetIndex.sourceOfExamples == [1, 2, 0, 2])
        options.sourceLevel = 3
        #expect(
            try message(in: folder, options: options).hasPrefix("No class of DIR holds a folder at level 3"))
    }

    @Test func whatIsWrongIsSaid() throws {
        func said(_ paths: [String], _ contents: [UInt8]? = nil) throws -> String {
            let folder = try TemporaryFolder()
            for path in paths {
                if path.hasSuffix("/") {
                    try FileManager.default.createDirectory(
                        at: folder.url.appendingPathComponent(path), withIntermediateDirectories: true)
                } else {
                    try folder.add(path, contents)
                }
            }
            return try message(in: folder)
        }
        #expect(
            try said([])
                == "DIR holds no file. Expected pictures (JPEG, PNG, WebP, GIF or BMP) in folders, a folder a class. Check "
                + "the path.")
        #expect(try said([".a.jpg"]).hasPrefix("DIR holds no file (1 hidden). Expected"))
        #expect(try said(["a/", "b/"]).hasPrefix("DIR holds no file. Expected"))
        #expect(
            try said(["a/1.txt", "b/2.txt", "b/3.pdf"], [1])
                .hasPrefix("DIR holds no picture, but other files: 2 .txt, 1 .pdf. Expected"))
        #expect(try said(["1.csv"], [1]).hasPrefix("DIR holds no picture, but other files: 1 .csv. Expected"))
        #expect(
            try said(["1.jpg", "2.jpg"])
                == "DIR holds pictures, but no folders. Expected a folder for each class with its pictures in it: its name "
                + "is the class's. Move the pictures into such folders, or write a table of paths and labels."
        )
        #expect(
            try said(["train/1.jpg", "test/2.jpg"]).hasPrefix(
                "The folders of DIR, 'test', 'train', hold pictures, but no folders. Expected in each of these parts a folder"
            ))
        #expect(
            try said(["cat/1.bmp"])
                == "DIR holds pictures of one class, 'cat'. Expected at least two, a folder for each. Add the folder of "
                + "another class, or name the folder that holds the classes' folders.")
        #expect(
            try said(["photos/cat/1.bmp", "photos/dog/1.bmp"])
                == "DIR holds pictures of one class, 'photos'. Expected at least two, a folder for each. If 'cat', 'dog' are "
                + "the classes, name the folder that holds them.")
        #expect(
            try said(["train/a/1.bmp", "train/b/1.bmp", "val/a/1.bmp", "val/c/1.bmp"])
                == "DIR holds pictures of the class 'c', which is unknown. Expected the classes of the training pictures: "
                + "'a', 'b'. Rename or remove what is not among them, or add it to the training pictures.")
        #expect(
            try said(["val/a/1.bmp", "val/b/1.bmp"]).hasPrefix(
                "DIR holds a folder 'val', but none called 'train' with folders of classes in it."))
        #expect(
            try said(["train/a/1.bmp", "train/b/1.bmp", "val/a/1.bmp", "Valid/a/1.bmp"]).hasPrefix(
                "DIR holds the folders 'Valid', 'val'. Expected one folder train"))
    }

    @Test func aFileOrNothingInTheFoldersPlaceIsSaid() throws {
        let folder = try TemporaryFolder()
        let file = try folder.add("x.jpg")
        #expect(throws: ImagesError.missingFolder(path: file.path, isSomethingElse: true)) {
            try PictureList(file)
        }
        let nothing = folder.url.appendingPathComponent("nothing")
        #expect(throws: ImagesError.missingFolder(path: nothing.path, isSomethingElse: false)) {
            try PictureList(nothing)
        }
    }

    @Test(.enabled(if: getuid() != 0, "whoever may read everything")) func aFolderThatMayNotBeReadIsNamed()
        throws
    {
        let folder = try TemporaryFolder()
        try folder.add("a", count: 1)
        try folder.add("b", count: 1)
        let path = folder.url.appendingPathComponent("b").path
        chmod(path, 0)
        defer { chmod(path, 0o700) }
        #expect(throws: ImagesError.unreadable(path: path, reason: "Permission denied")) {
            try PictureList(folder.url)
        }
    }

    @Test func knownClassesKeepTheirOrder() throws {
        let folder = try TemporaryFolder()
        try folder.add("test/b", count: 2)
        var options = PictureListOptions()
        options.classNames = ["c", "b", "a"]
        let list = try PictureList(folder.url, options: options)
        #expect(list.classNames == ["c", "b", "a"])
        #expect(list.labels == [1, 1])
        #expect(list.parts == [.test])
        try folder.add("test/d", count: 2)
        #expect(
            throws: ImagesError.unknownClasses(path: folder.url.path, names: ["d"], known: ["a", "b", "c"])
        ) {
            try PictureList(folder.url, options: options)
        }
    }

    @Test func progressIsToldAndCanEndIt() throws {
        struct Enough: Error {}
        let folder = try TemporaryFolder()
        for name in ["a", "b"] { try folder.add(name, count: 20) }
        var told: [PictureListProgress] = []
        _ = try PictureList(folder.url) { told.append($0) }
        #expect(told.contains(.found(40)))
        #expect(told.last == .read(40, of: 40))
        #expect(throws: Enough.self) { try PictureList(folder.url) { _ in throw Enough() } }
        #expect(throws: Enough.self) {
            try PictureList(folder.url) { if case .read = $0 { throw Enough() } }
        }
    }
}
