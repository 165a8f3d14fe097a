import CMnl
import Glibc
import Testing

@testable import LinuxNetlink

/// The connection against a peer that behaves as kernels do on their worse days.
@Suite struct ConnectionTests {
    /// Folds a dump into the first payload byte of each message.
    private func dump(_ kernel: FakeKernel) throws(KernelError) -> [UInt8] {
        kernel.connection.request.getLink(nil)
        return try kernel.connection.dump([UInt8]()) { $0.append($1.payload[0]) }
    }

    private static func part(_ value: UInt8, _ sequence: UInt32, flags: Int32 = 0) -> [UInt8] {
        FakeKernel.message(RTM_NEWLINK, flags: NLM_F_MULTI | flags, sequence, [value, 0, 0, 0])
    }

    private static func done(_ sequence: UInt32, flags: Int32 = 0) -> [UInt8] {
        FakeKernel.message(Int(NLMSG_DONE), flags: NLM_F_MULTI | flags, sequence)
    }

    @Test func `a refusal keeps errno and the kernel's words`() throws {
        let long = [UInt8]([28, 0, 0, 0] + [UInt8](repeating: 0xee, count: 24))
        for request in [nil, long] {
            let kernel = try FakeKernel([{ [FakeKernel.refusal(EEXIST, "VNI is taken", $0, request: request)] }])
            kernel.connection.request.deleteLink(.underlay)
            #expect(throws: KernelError(errno: EEXIST, message: "VNI is taken")) {
                try kernel.connection.acknowledge()
            }
        }
    }

    @Test func `answers to earlier requests are passed over`() throws {
        let kernel = try FakeKernel([
            { sequence in
                [
                    FakeKernel.refusal(ENODEV, "of another", sequence &- 1),
                    Self.part(9, sequence &- 1), Self.done(sequence &- 1),
                    FakeKernel.acknowledgement(sequence),
                ]
            }
        ])
        kernel.connection.request.deleteLink(.underlay)
        try kernel.connection.acknowledge()
    }

    @Test func `an interrupted dump is repeated and its first part forgotten`() throws {
        for flagged in ["a part", "the end"] {
            let kernel = try FakeKernel([
                { sequence in
                    [
                        Self.part(1, sequence, flags: flagged == "a part" ? NLM_F_DUMP_INTR : 0),
                        Self.part(2, sequence),
                        Self.done(sequence, flags: flagged == "the end" ? NLM_F_DUMP_INTR : 0),
                    ]
                },
                { sequence in [Self.part(3, sequence) + Self.part(4, sequence), Self.done(sequence)] },
            ])
            #expect(try dump(kernel) == [3, 4], "flag on \(flagged)")
        }
    }

    @Test func `a dump that never holds still is an error`() throws {
        let answer: @Sendable (UInt32) -> [[UInt8]] = { [Self.done($0, flags: NLM_F_DUMP_INTR)] }
        let kernel = try FakeKernel(Array(repeating: answer, count: NetlinkConnection.dumpAttempts))
        do throws(KernelError) {
            _ = try dump(kernel)
            Issue.record("it succeeded")
        } catch {
            #expect(error.errno == EINTR)
        }
    }

    @Test func `a dump that the kernel ends with an error fails`() throws {
        let kernel = try FakeKernel([
            {
                [
                    Self.part(1, $0),
                    FakeKernel.message(Int(NLMSG_DONE), flags: NLM_F_MULTI, $0, [0xea, 0xff, 0xff, 0xff]),
                ]
            }
        ])
        #expect(throws: KernelError(errno: EINVAL)) { try dump(kernel) }
    }

    @Test func `a malformed answer and a closed peer are errors, not hangs`() throws {
        let broken = try FakeKernel([{ _ in [[99, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] }])
        #expect(throws: KernelError.self) { try dump(broken) }
        let closed = try FakeKernel([{ _ in [] }])
        #expect(throws: KernelError.self) { try dump(closed) }
    }

    @Test func `a request that does not fit is not sent`() throws {
        let kernel = try FakeKernel([{ [FakeKernel.acknowledgement($0)] }])
        kernel.connection.request.adjust(.underlay, alias: String(repeating: "a", count: 5000))
        #expect(throws: KernelError(errno: EMSGSIZE, message: "the request")) { try kernel.connection.acknowledge() }
        kernel.connection.request.adjust(.underlay, alias: "short")
        try kernel.connection.acknowledge()
    }
}
