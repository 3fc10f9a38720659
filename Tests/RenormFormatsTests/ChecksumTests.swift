import Foundation
import Renorm
import RenormTestSupport
import Testing

@Suite struct ChecksumTests {
    /// RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRC algorithms (CRC-32/ISCSI).
    @Test(arguments: [
        ([UInt8](repeating: 0, count: 32), UInt32(0x8A91_36AA)),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        ([UInt8](0..<32), 0x46DD_794E),
        ((0..<32).reversed().map { UInt8($0) }, 0x113F_DB5C),
        (Array("123456789".utf8), 0xE306_9283),
        ([], 0),
    ])
    func castagnoli(_ bytes: [UInt8], _ expected: UInt32) {
        #expect(CRC32C.checksum(of: bytes) == expected)
    }
}
