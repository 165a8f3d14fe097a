import Addressing
import NodePorts
import NodePortsTesting
import Testing

@Suite struct InMemoryPacketLogTests {
    @Test func `the log in memory keeps the contract that the kernel's keeps`() async throws {
        let log = InMemoryPacketLog()
        let port = try InterfaceName("kctport1")
        let contract = PacketLogContract(log: log, port: port.text) { group, frames in
            for bytes in frames {
                log.log(LoggedFrame(prefix: PacketLogContract.prefix, source: port, bytes: bytes), into: group)
            }
        }
        let violations = try await contract.violations()
        #expect(violations.isEmpty, "\(violations.joined(separator: "\n"))")
    }
}
