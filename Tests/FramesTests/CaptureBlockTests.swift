import Foundation
import Frames
import Testing

/// The files that captures become.
@Suite struct CaptureBlockTests {
    @Test func `blocks are laid out as the format says`() {
        let frame = CaptureBlock.frame(
            device: 2, nanoseconds: 0x0102_0304_0506_0708, length: 70, isOutgoing: true, bytes: [1, 2, 3, 4, 5])
        #expect(
            hex(frame.bytes)
                == [
                    "06000000", "34000000",  // an enhanced packet block of 52 bytes
                    "02000000", "04030201", "08070605",  // of the third device; the time in two halves
                    "05000000", "46000000", "0102030405000000",  // 5 of 70 bytes, filled up to 8
                    "02000400", "02000000", "00000000",  // flags: outgoing; the end of the options
                    "34000000",
                ].joined())
        let device = CaptureBlock.device(name: "eth0", description: "d", snapLength: 256).bytes
        #expect(
            hex(device)
                == [
                    "01000000", "30000000", "01000000", "00010000",  // Ethernet, 256 bytes of each
                    "02000400", "65746830", "03000100", "64000000",  // eth0, d
                    "09000100", "09000000", "00000000",  // times in 10⁻⁹ s
                    "30000000",
                ].joined())
        for block in [
            CaptureBlock.section(comment: "abc"), .statistics(device: 0, nanoseconds: 1, lost: 9, comment: nil),
        ] {
            #expect(block.bytes.count.isMultiple(of: 4))
            #expect(block.bytes[4..<8].elementsEqual(block.bytes.suffix(4)))
        }
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
