import LibvirtHypervisor
import Testing

struct KVMProbeTests {
    @Test func `the probe of KVM works by emulation, and ends in its time on what hangs`() {
        #expect(KVMProbe.run(in: "/tmp", accelerator: "tcg", within: .seconds(20)) == nil)
        let clock = ContinuousClock()
        let time = clock.measure { _ = KVMProbe.run(in: "/tmp", within: .seconds(3)) }
        #expect(time < .seconds(5))
        #expect(KVMProbe.run(emulator: "/nonexistent", in: "/tmp", accelerator: "tcg") != nil)
    }
}
