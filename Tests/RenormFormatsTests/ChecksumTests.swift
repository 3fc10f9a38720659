import Foundation
import Renorm
import RenormTestSupport
import Testing

@Suite struct ChecksumTests {
    private static let known: [(bytes: [UInt8], checksum: UInt32)] = [
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        ([UInt8](0..<32), 0x46DD_794E), ([UInt8]((0..<32).reversed()), 0x113F_DB5C),
        ([UInt8]("123456789".utf8), 0xE306_9283), ([], 0),
    ]

    /// RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRC algorithms (CRC-32/ISCSI).
    @Test(arguments: known.indices)
    func castagnoli(_ index: Int) {
        #expect(CRC32C.checksum(of: Self.known[index].bytes) == Self.known[index].checksum)
    }
}
