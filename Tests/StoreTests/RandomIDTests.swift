import Persistence
import Resources
import Testing

@Suite struct RandomIDTests {
    @Test func `new ids are random UUIDs of version 4, each another`() {
        let ids = (0..<1000).map { _ in ResourceID.random() }
        #expect(Set(ids).count == 1000)
        #expect(ids.allSatisfy { $0.bytes[6] >> 4 == 4 && $0.bytes[8] >> 6 == 0b10 })
        // Every other bit is one now and then, and zero now and then.
        let all = (0..<16).map { byte in ids.reduce(UInt8.max) { $0 & $1.bytes[byte] } }
        let any = (0..<16).map { byte in ids.reduce(UInt8.zero) { $0 | $1.bytes[byte] } }
        #expect(all == [0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0])
        #expect(any.enumerated().allSatisfy { $1 == ($0 == 6 ? 0x4f : $0 == 8 ? 0xbf : 0xff) })
    }
}
