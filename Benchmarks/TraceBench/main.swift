// How many frames are followed in a second: between ports of two hosts, on one segment and through a gateway, there and
// back, with rules in policies.
// usage: TraceBench
//
// For each line on standard input prints `{"bare":N,"told":N}`: frames a second (each way has one there and one back), and the same with every rule recorded
// and made words of.
import Addressing
import Glibc
import NetworkModel
import NetworkPlanning
import Resources

/// Names of devices are made of an id's first bytes.
func id(_ kind: Int, _ number: Int) -> ResourceID {
    let digits = String(number, radix: 16)
    let padded = String(repeating: "0", count: 7 - digits.count) + digits
    guard let id = ResourceID("\(kind)\(padded)-0000-4000-8000-000000000000") else {
        preconditionFailure("id \(number)")
    }
    return id
}

/// Two hosts with 100 ports on each of two segments, the gateway on the first.
func snapshots() throws -> [HostSnapshot] {
    let segments = try (1...2).map { number in
        DesiredSegment(
            id: id(1, number), generation: 1, vni: try VNI(4096 + number), group: MulticastGroups.standard.base,
            mtu: try MTU(1430), ipam: .automatic,
            prefix: IPv6Prefix(containing: IPv6Address(high: 0xfd01 << 48 | UInt64(number), low: 0), length: 64),
            replication: .multicast, gateways: [MACAddress(0x0272_0000_0000 + UInt64(number))])
    }
    let gateway = DesiredGateway(
        id: id(4, 1), generation: 1, ports: [id(1, 1): id(5, 1), id(1, 2): id(5, 2)], resolvers: [],
        uplink: GatewayUplink(.routed))
    var bindings: [ResourceID: [IPv6Address: Binding]] = [:]
    var attachments: [[DesiredAttachment]] = [[], []]
    for (number, segment) in segments.enumerated() {
        for index in 0..<201 {
            let isRouter = index == 200
            let host = isRouter ? 0 : index % 2
            let identifier = isRouter ? id(5, number + 1) : id(2, number * 1000 + index)
            let mac = isRouter ? segment.gateways[0] : MACAddress(0x0200_0000_0000 + UInt64(number * 1000 + index))
            let address = IPv6Address(high: segment.prefix?.address.high ?? 0, low: UInt64(index + 0x100))
            attachments[host].append(
                DesiredAttachment(
                    id: identifier, generation: 1, segment: segment.id, mac: mac,
                    addresses: [AttachmentAddress(address, origin: .assigned)],
                    port: isRouter ? .gateway(gateway.id) : .tap,
                    policies: isRouter ? [.builtIn(.allowAll)] : [.policy(id(3, 1))]))
            bindings[segment.id, default: [:]][address] = Binding(
                address: address, attachment: identifier, host: id(9, host + 1), origin: .assigned, since: Revision(1))
        }
    }
    let policy = DesiredPolicy(
        id: id(3, 1), generation: 1, ingress: [PolicyRule(.tcp), PolicyRule(.udp)], egress: [PolicyRule(.any)])
    return try (0..<2).map { number in
        guard let name = Name("h\(number + 1)") else { preconditionFailure("name") }
        let vteps = (1...2).map { IPv6Address(high: 0xfd0a << 48, low: UInt64($0)) }
        return HostSnapshot(
            revision: Revision(1),
            host: HostIdentity(
                id: id(9, number + 1), name: name, vtep: vteps[number], interface: try InterfaceName("eth0"),
                generation: 1),
            underlay: Underlay.Spec(mtu: try MTU(1500)), vteps: Set(vteps),
            segments: Dictionary(uniqueKeysWithValues: segments.map { ($0.id, $0) }),
            attachments: Dictionary(uniqueKeysWithValues: attachments[number].map { ($0.id, $0) }),
            gateways: number == 0 ? [gateway.id: gateway] : [:], policies: [policy.id: policy], bindings: bindings)
    }
}

let plans = try snapshots()
let predictor = WayPredictor(plans)
let writer = TraceWriter(predictor, names: [:])
let guests = plans.flatMap(\.attachments.values).filter { $0.port == .tap }.sorted { $0.id < $1.id }

func question(_ number: Int) -> WayQuestion {
    let from = guests[number % guests.count]
    let to = guests[(number * 7 + 13) % guests.count]
    let other = to.id == from.id ? guests[(number + 1) % guests.count] : to
    return WayQuestion(
        from: .attachment(from.id, from.addresses[0].value), to: .attachment(other.id, other.addresses[0].value),
        flow: number % 2 == 0 ? .tcp(443) : .udp(53), fromPort: UInt16(1024 + number % 60_000))
}

/// Frames a second, for a second.
func measure(_ body: (WayQuestion) -> Trace.Verdict) -> Int {
    let clock = ContinuousClock()
    let start = clock.now
    var count = 0
    while clock.now - start < .seconds(1) {
        for _ in 0..<100 {
            if body(question(count)) != .passes {
                let trace = writer.trace(predictor.predict(question(count), recording: true), revision: Revision(1))
                print("question \(count) does not pass: \(trace.steps.last.map { "\($0)" } ?? "no step")")
                exit(1)
            }
            count += 1
        }
    }
    return Int(Double(2 * count) / ((clock.now - start) / .seconds(1)))
}

while readLine() != nil {
    let bare = measure { predictor.predict($0).verdict }
    let told = measure { writer.trace(predictor.predict($0, recording: true), revision: Revision(1)).verdict }
    print("{\"bare\":\(bare),\"told\":\(told)}")
    fflush(nil)
}
