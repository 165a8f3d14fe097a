import Laboratory
import NetworkModel
import Resources
import Testing

@Suite struct FaultValueTests {
    @Test func `every fault has a name of its own, and says what it is in one line`() throws {
        let names = Fault.all.map(\.name)
        #expect(Set(names).count == names.count)
        for fault in Fault.all {
            #expect(Name(fault.name) != nil, "\(fault.name)")
            #expect(!fault.summary.isEmpty && !fault.summary.contains("\n") && !fault.summary.hasSuffix("."))
            #expect(try Fault.named(fault.name).name == fault.name)
        }
        #expect(throws: LaboratoryError.self) { try Fault.named("vxlan-donw") }
    }

    @Test func `what heals a fault is read back as it was written`() throws {
        let (host, guest) = (try #require(Name("h1")), try #require(NamespaceName("web")))
        let steps: [FaultStep] = [
            .run(.machine(host), ["ip", "link"]), .run(.guest(guest, on: host), ["nft", "-f", "-"], input: "a\nb"),
            .run(.link(host), ["bridge", "fdb"]), .signal(18, role: "node", on: host), .kill(role: "api", on: host),
            .restart(role: "node", on: host), .restart(role: "node", on: host, clockShift: -60),
            .killAll(program: "radvd", in: guest, on: host), .pause(host),
            .resume(host), .makePolicy(host, project: host), .removePolicy(host, project: host),
            .usePolicies(["allow-segment"], by: host, project: host),
        ]
        for step in steps {
            let node = try JSONParser.parse(step.json)
            #expect(try FaultStep(json: node, path: "") == step)
        }
        #expect(throws: FieldError.self) {
            try FaultStep(json: try JSONParser.parse(Array(#"{"do":"rm","machine":"h1"}"#.utf8)), path: "")
        }
    }
}
