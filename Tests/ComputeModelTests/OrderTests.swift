import Addressing
import ComputeModel
import Resources
import Testing

struct OrderTests {
    private static let id = "6f8d2c1e-0b3a-4d55-9e77-1c2d3e4f5a6b"
    private static let text = """
        {"id":"\(id)","project":"default","name":"web","generation":3,"fence":17,
         "machine":{"architecture":"x86_64","firmware":"bios","cpus":2,"cpuModel":"host","memoryMiB":512,"diskGiB":4,
                    "devices":["serialConsole"]},
         "image":{"id":"11111111-0b3a-4d55-9e77-1c2d3e4f5a6b","format":"qcow2","size":1048576,
                  "sha256":"\(String(repeating: "a", count: 64))"},
         "interfaces":[{"attachment":"22222222-0b3a-4d55-9e77-1c2d3e4f5a6b","mac":"52:54:00:00:00:01",
                        "device":"kctabcdefghij","mtu":1430,"wired":true}],
         "guest":{"instance":"\(id)","hostname":"web","userData":"#cloud-config\\n"},"power":"on","reboots":2}
        """

    @Test func `an order is written as it is read`() throws {
        let order: MachineOrder = try read(Self.text)
        #expect(order.interfaces.first?.mac == MACAddress("52:54:00:00:00:01"))
        #expect(order.graceSeconds == MachineOrder.standardGrace)
        #expect(try read(ComputeModelTests.text(order)) == order)
    }

    @Test func `what an order may not say is refused by its field`() {
        func refused(_ old: String, _ new: String, _ field: String) {
            var text = Self.text
            if let range = text.firstRange(of: old) { text.replaceSubrange(range, with: new) }
            #expect(text != Self.text)
            expectRefusal(of: text, as: MachineOrder.self, field: field)
        }
        refused("kctabcdefghij", "eth0", "spec.interfaces[0].device")
        refused("52:54:00", "53:54:00", "spec.interfaces[0].mac")
        refused("\"mtu\":1430", "\"mtu\":70", "spec.interfaces[0].mtu")
        refused("\"size\":1048576", "\"size\":1", "spec.image.size")
        refused("\"reboots\":2", "\"graceSeconds\":3601", "spec.graceSeconds")
        refused("\"power\":\"on\"", "\"power\":\"sleep\"", "spec.power")
    }

    @Test func `orders are known only when all of them have been said`() throws {
        let order: MachineOrder = try read(Self.text)
        let host = order.guest.instance
        let events: [OrderEvent] = [
            .beginning(computeHost: host), .kept(order.id), .order(order), .complete(Revision(9)), .removed(order.id),
        ]
        var collection = OrderCollection()
        var seen: [HostOrders?] = []
        for event in events {
            let again: OrderEvent = try read(ComputeModelTests.text(event))
            #expect(again == event)
            seen.append(try collection.take(again))
        }
        let all = HostOrders(computeHost: host, revision: Revision(9), machines: [order])
        #expect(seen == [nil, nil, nil, all, HostOrders(computeHost: host, revision: Revision(9), machines: [])])
        #expect(try read(ComputeModelTests.text(all)) == all)
        var empty = OrderCollection()
        #expect(throws: FieldError.self) { try empty.take(.removed(host)) }
        expectRefusal(of: "{}", as: OrderEvent.self, field: "spec")
    }
}
