import Foundation
import RenormReporting
import Testing

@Suite struct ProgressTests {
    private static let state = ProgressState(
        completed: 1234, total: 2870, unitsPerSecond: 9876.4, unit: "images", detail: "loss 0.4321",
        secondsLeft: 83)

    @Test(arguments: [
        (
            100,
            " 42 % █████████████████▏                        1,234/2,870  9,876 images/s  loss 0.4321  1:23 left"
        ),
        (80, " 42 % █████████              1,234/2,870  9,876 images/s  loss 0.4321  1:23 left"),
        (64, " 42 % ██▏    1,234/2,870  9,876 images/s  loss 0.4321  1:23 left"),
        (60, " 42 %  1,234/2,870  9,876 images/s  loss 0.4321  1:23 left"),
        (50, " 42 %  1,234/2,870  loss 0.4321  1:23 left"),
        (40, " 42 %  1,234/2,870  1:23 left"),
        (20, " 42 %  1,234/2,870"),
        (17, " 42 %"),
        (5, " 42 %"),
        (3, " 42"),
        (0, ""),
    ])
    func fitsTheWidth(width: Int, expected: String) {
        let line = Self.state.line(width: width)
        #expect(line == expected)
        #expect(line.count <= width)
    }

    @Test(arguments: [
        (0, 4, "  0 % [........]  0/4"), (1, 4, " 25 % [##......]  1/4"), (2, 4, " 50 % [####....]  2/4"),
        (4, 4, "100 % [########]  4/4"), (5, 4, "100 % [########]  5/4"), (0, 0, "  0 % [........]  0/0"),
    ])
    func theBarGrowsWithTheWork(completed: Int, total: Int, expected: String) {
        let state = ProgressState(completed: completed, total: total)
        #expect(state.line(width: 21, characters: .ascii) == expected)
    }

    @Test func theBarDoesNotMoveAsStepsGainDigits() {
        let lines = [9, 10, 999, 1000].map {
            ProgressState(completed: $0, total: 1000).line(width: 30, characters: .ascii)
        }
        #expect(
            lines == [
                "  0 % [.........]      9/1,000", "  1 % [.........]     10/1,000",
                " 99 % [########.]    999/1,000", "100 % [#########]  1,000/1,000",
            ])
    }

    @Test func theBlocksCountEighths() {
        for eighth in 0...80 {
            let line = ProgressState(completed: eighth, total: 80).line(width: 23)
            let bar = line.dropFirst(6).prefix(10)
            #expect(bar.count { $0 == "█" } == eighth / 8)
            #expect(bar.contains { "▏▎▍▌▋▊▉".contains($0) } == (eighth % 8 != 0))
        }
    }

    @Test(
        arguments: [
            (0.0, "0:00 left"), (9.4, "0:09 left"), (61, "1:01 left"), (3599, "59:59 left"),
            (3600, "1:00:00 left"),
            (90_061, "25:01:01 left"), (.nan, ""), (.infinity, ""), (-1, ""),
        ] as [(Double, String)])
    func saysTheTimeLeft(seconds: Double, expected: String) {
        let line = ProgressState(completed: 1, total: 2, secondsLeft: seconds).plainLine
        #expect(line == "step 1/2" + (expected.isEmpty ? "" : "  " + expected))
    }

    @Test(
        arguments: [
            (0.04, "0.0 images/s"), (1.26, "1.3 images/s"), (9.99, "10.0 images/s"), (10.4, "10 images/s"),
            (1_234_567, "1,234,567 images/s"), (.infinity, ""), (.nan, ""),
        ] as [(Double, String)])
    func saysTheSpeed(speed: Double, expected: String) {
        let state = ProgressState(completed: 1, total: 2, unitsPerSecond: speed, unit: "images")
        #expect(state.plainLine == "step 1/2" + (expected.isEmpty ? "" : "  " + expected))
    }

    /// A terminal, or a file, of which the test holds the clock.
    private final class Screen {
        var text = ""
        var seconds = 0.0
        var width = 40

        func bar(isTerminal: Bool) -> ProgressBar {
            ProgressBar(
                .init(
                    isTerminal: isTerminal, characters: .ascii, width: { self.width },
                    seconds: { self.seconds }, write: { self.text += $0 }))
        }

        func taken() -> String {
            defer { text = "" }
            return text
        }
    }

    @Test func redrawsAtMostTenTimesASecond() {
        let screen = Screen()
        var bar = screen.bar(isTerminal: true)
        var details = 0
        func detail() -> String {
            details += 1
            return "x"
        }
        for step in 1...1000 {
            screen.seconds = Double(step) / 1000
            bar.update(completed: step, total: 10_000, detail: detail())
        }
        #expect((9...11).contains(details))
        #expect(screen.text.count { $0 == "\r" } == details)
    }

    @Test func theLastStepIsAlwaysShownOnce() {
        let screen = Screen()
        var bar = screen.bar(isTerminal: true)
        bar.update(completed: 1, total: 3)
        bar.update(completed: 2, total: 3)
        bar.update(completed: 3, total: 3)
        bar.update(completed: 3, total: 3)
        #expect(screen.text.count { $0 == "\r" } == 2)
        #expect(screen.text.contains("3/3"))
    }

    @Test func linesStayAboveTheBar() {
        let screen = Screen()
        var bar = screen.bar(isTerminal: true)
        bar.print("before")
        #expect(screen.taken() == "before\n")
        bar.update(completed: 1, total: 2)
        let drawn = screen.taken()
        #expect(drawn.hasPrefix("\r 50 % [") && drawn.hasSuffix("1/2\u{1B}[K"))
        bar.print("validation")
        #expect(screen.taken() == "\r\u{1B}[Kvalidation\n" + drawn)
        bar.finish()
        #expect(screen.taken() == "\r\u{1B}[K")
        bar.finish()
        bar.print("after")
        #expect(screen.taken() == "after\n")
    }

    @Test func theBarFollowsTheWidthOfTheTerminal() {
        let screen = Screen()
        var bar = screen.bar(isTerminal: true)
        bar.update(completed: 1, total: 2)
        #expect(screen.taken().count <= 40 + 3)
        screen.width = 20
        screen.seconds = 1
        bar.update(completed: 1, total: 2)
        #expect(screen.taken().count <= 20 + 3)
    }

    @Test func elsewhereThereAreFewPlainLines() {
        let screen = Screen()
        var bar = screen.bar(isTerminal: false)
        for step in 1...250 {
            screen.seconds = Double(step) / 10
            bar.update(
                completed: step, total: 250, unitsPerSecond: 640, unit: "images", detail: "loss \(step)")
        }
        bar.print("done")
        bar.finish()
        #expect(
            screen.text == """
                step 100/250  640 images/s  loss 100  0:15 left
                step 200/250  640 images/s  loss 200  0:05 left
                step 250/250  640 images/s  loss 250  0:00 left
                done

                """)
    }

    @Test func aResumedRunEstimatesFromItsOwnSteps() {
        let screen = Screen()
        screen.width = 80
        var bar = screen.bar(isTerminal: true)
        bar.update(completed: 5000, total: 6000)
        #expect(!screen.taken().contains("left"))
        screen.seconds = 10
        bar.update(completed: 5100, total: 6000)
        #expect(screen.taken().contains("1:30 left"))
    }

    @Test func writesToAPipeAsPlainLines() throws {
        let pipe = Pipe()
        var bar = ProgressBar(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        bar.update(completed: 1, total: 1, detail: "é")
        bar.print("end")
        bar.finish()
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: try #require(try pipe.fileHandleForReading.readToEnd()), as: UTF8.self)
        #expect(text == "step 1/1  é\nend\n")
    }
}
