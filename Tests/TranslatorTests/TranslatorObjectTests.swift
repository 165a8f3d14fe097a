import Foundation
import LinuxBPF
import NodePorts
import Testing

/// Object files that are not what they should be.
struct TranslatorObjectTests {
    @Test func `programs that the kernel refuses are refused with its words, and closed once`() throws {
        var bytes = try Data(contentsOf: URL(filePath: TranslatorFile.path))
        // The first "exit" of the programs (include/uapi/linux/bpf.h: BPF_JMP | BPF_EXIT) becomes what no processor knows.
        let exit = try #require(bytes.range(of: Data([0x95, 0, 0, 0, 0, 0, 0, 0])))
        bytes[exit.lowerBound] = 0xff
        let broken = FileManager.default.temporaryDirectory.appending(path: "kc-refused-\(UUID()).bpf.o")
        try bytes.write(to: broken)
        defer { try? FileManager.default.removeItem(at: broken) }  // only the test's own litter
        for _ in 1...8 {
            let error = #expect(throws: NodeError.self) { _ = try TranslatorObject(path: broken.path()) }
            #expect(error?.message.contains("opcode") == true, "\(String(describing: error))")
        }
    }

    @Test func `a file that is no object is refused by name`() throws {
        let error = #expect(throws: NodeError.self) { _ = try TranslatorObject(path: "/proc/self/exe/none") }
        #expect(error?.description.contains("/proc/self/exe/none") == true)
    }
}
