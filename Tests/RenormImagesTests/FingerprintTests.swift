import RenormArrays
import RenormImages
import Testing

@Suite struct FingerprintTests {
    private func bytes(_ values: Range<UInt8>, cutAt cuts: [Int] = []) -> UInt64 {
        let all = Array(values)
        var fingerprint = Fingerprint()
        for (start, end) in zip([0] + cuts, cuts + [all.count]) {
            Array(all[start..<end]).withUnsafeBytes { fingerprint.add($0) }
        }
        return fingerprint.value
    }

    @Test func howBytesAreCutDoesNotMatter() {
        #expect(bytes(0..<50, cutAt: [3, 4, 20, 20, 41]) == bytes(0..<50))
        #expect(bytes(0..<50) != bytes(0..<49))
    }

    @Test func aNumberEndsTheBytesBeforeIt() {
        var (apart, together) = (Fingerprint(), Fingerprint())
        apart.add("ab")
        apart.add("c")
        together.add("a")
        together.add("bc")
        #expect(apart.value != together.value)
    }

    /// Runs that earlier versions saved are gone on with on data of these fingerprints.
    @Test func imagesInMemoryHaveTheFingerprintThatTheyAlwaysHad() throws {
        // 54 bytes an image, so that words of 8 lie across images.
        let first = try numbered((0..<50).map { $0 % 10 }, height: 9, width: 6)
        let second = try numbered((0..<13).map { $0 % 10 }, height: 9, width: 6).subset([3, 1, 2])
        #expect(first.fingerprint == 0xc233_587c_eeae_65f6)
        #expect(first.subset([4, 4, 17]).fingerprint == 0x5442_3588_1ddb_fde5)
        #expect(try Dataset(joining: [first, second]).fingerprint == 0xd9a8_a0d0_00a5_9b59)
    }

    @Test func labelsAreInIt() throws {
        #expect(try numbered([0, 1, 2]).fingerprint != numbered([0, 1, 3]).fingerprint)
    }
}
