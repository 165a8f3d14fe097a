extension KCRuleset {
    /// Names of the sets, maps and fields of the guard (`bridge kc`), by what they say about whom.
    ///
    /// Sets of the agent's name interfaces, so that they can be filled before the device is there. Sets that packets
    /// fill name indices, so that nothing of a former device counts for a new one.
    package enum Sets {
        /// The source MAC and the ethertype behind it: of IPv6 only when no VLAN tag stands between.
        package static let sourceMACAndEtherType = Field.link(48, 64)
        package static let sourceMAC = Field.link(48, 48)
        package static let etherType = Field.link(96, 16)
        /// Of the IPv6 header.
        package static let payloadLength = Field.network(32, 16)
        package static let nextHeader = Field.network(48, 8)
        package static let hopLimit = Field.network(56, 8)
        package static let sourceNetwork = Field.network(64, 64)
        package static let destinationNetwork = Field.network(192, 64)
        package static let destinationFirstByte = Field.network(192, 8)
        /// The target of a neighbour solicitation or advertisement that follows the IPv6 header, in halves: nft takes
        /// no raw number of more than 64 bits.
        package static let targetHigh = Field.network(384, 64)
        package static let targetLow = Field.network(448, 64)
        package static let sourcePort = Field.transport(0, 16)
        package static let destinationPort = Field.transport(16, 16)

        // MARK: The agent's
        //
        // Where an element says how a packet goes on, it says so by a mark (``Way``), never by a verdict: whenever
        // anything in a table changes, the kernel walks all elements of maps to verdicts in search of loops.

        /// Ports that have elements at all.
        package static let ready = NamedSet("ready", of: [.inputName], comment: "ports that have their guard")
        /// What stays in the segment: port, MAC and ethertype, source, network of the destination.
        package static let fast = NamedSet(
            "fast", of: [.inputName, sourceMACAndEtherType, .ipv6Source, destinationNetwork], value: .mark)
        /// What a port may send from, and how that goes on.
        package static let own = NamedSet(
            "own", of: [.inputName, sourceMACAndEtherType, .ipv6Source], value: .mark)
        /// What becomes of IPv6 with the port's MAC from any other source.
        package static let ports = NamedSet("ports", of: [.inputName, sourceMACAndEtherType], value: .mark)
        /// Ports of segments without addresses of ours: only the MAC is checked.
        package static let layer2 = NamedSet("layer2", of: [.inputName, sourceMAC], value: .mark)
        /// Operators' interfaces.
        package static let externals = NamedSet("externals", of: [.inputName], value: .mark)
        /// What a port may say it is reached at (RFC 4861: targets of its own).
        package static let targets = NamedSet("targets", of: [.inputName, targetHigh, targetLow])
        /// Prefixes that a port may send from beside its own addresses.
        package static let allowed = NamedSet(
            "allowed", of: [.inputName, .ipv6Source], value: .mark, interval: true)
        package static let allowedTargets = NamedSet(
            "allowed-targets", of: [.inputName, targetHigh, targetLow], interval: true)
        /// The MAC of a port, as link-layer address options have it.
        package static let macs = NamedSet("macs", of: [.inputName, .network(528, 48)])
        /// The MAC of the gateway behind a tunnel.
        package static let gateways = NamedSet("gateways", of: [.inputName, sourceMAC])
        /// The segment (its VNI) of a port or tunnel.
        package static let segments = NamedSet("segments", of: [.inputName], value: .mark)
        /// Networks from which a port may take addresses for itself.
        package static let claimable = NamedSet("claimable", of: [.inputName, targetHigh])
        /// Addresses that somebody has, here or elsewhere, by segment.
        package static let held = NamedSet("held", of: [.mark, targetHigh, targetLow])
        /// Who gets what: by mark and port.
        package static let to = NamedSet("to", of: [.mark, .outputName], value: .mark)
        /// Networks from which a port takes everything.
        package static let admitted = NamedSet("admitted", of: [.outputName, sourceNetwork])
        /// Networks whose members a router does not have to lead to: they are neighbours.
        package static let onLink = NamedSet("on-link", of: [.outputName, destinationNetwork])
        /// The number of the rules for what a port gets.
        package static let ingressProfiles = NamedSet("ingress-profiles", of: [.outputName], value: .mark)
        /// The number of the rules for what a port sends.
        package static let egressProfiles = NamedSet("egress-profiles", of: [.inputName], value: .mark)
        /// Profile, protocol, port (of ICMPv6: type and code), source: what is allowed (`PolicyMark`).
        package static let ingress = NamedSet(
            "ingress", of: [.mark, .transportProtocol, destinationPort, .ipv6Source], value: .mark, interval: true)
        /// As `ingress`, with the destination.
        package static let egress = NamedSet(
            "egress", of: [.mark, .transportProtocol, destinationPort, .ipv6Destination], value: .mark, interval: true)

        // MARK: IPv4, on segments that have it

        /// What a port may send from, and how that goes on.
        package static let ownIPv4 = NamedSet(
            "own-ipv4", of: [.inputName, sourceMACAndEtherType, .ipv4Source], value: .mark)
        /// What a port may say it is reached at (ARP), and what errors that it sends may quote as destination.
        package static let targetsIPv4 = NamedSet("targets-ipv4", of: [.inputName, arpSender])
        /// Prefixes from which a port takes everything.
        package static let admittedIPv4 = NamedSet("admitted-ipv4", of: [.outputName, .ipv4Source], interval: true)
        /// As `ingress` and `egress`.
        package static let ingressIPv4 = NamedSet(
            "ingress-ipv4", of: [.mark, .transportProtocol, destinationPort, .ipv4Source], value: .mark, interval: true)
        package static let egressIPv4 = NamedSet(
            "egress-ipv4", of: [.mark, .transportProtocol, destinationPort, .ipv4Destination], value: .mark,
            interval: true)
        /// Of an ARP packet between Ethernet and IPv4 (RFC 826).
        package static let arpSender = Field.network(112, 32)

        // MARK: Limits, the agent's too

        package static let ndRate = NamedSet("nd-rate", of: [.inputName], limited: .packets)
        package static let multicastRate = NamedSet("multicast-rate", of: [.inputName], limited: .packets)
        package static let flowRateOut = NamedSet("flow-rate-out", of: [.inputName], limited: .packets)
        package static let flowRateIn = NamedSet("flow-rate-in", of: [.outputName], limited: .packets)
        package static let packetRateOut = NamedSet("packet-rate-out", of: [.inputName], limited: .packets)
        package static let packetRateIn = NamedSet("packet-rate-in", of: [.outputName], limited: .packets)
        package static let byteRateOut = NamedSet("byte-rate-out", of: [.inputName], limited: .bytes)
        package static let byteRateIn = NamedSet("byte-rate-in", of: [.outputName], limited: .bytes)
        /// By what `ingress` or `egress` said.
        package static let ruleRate = NamedSet("rule-rate", of: [.mark], limited: .packets)

        // MARK: Filled by packets

        /// Flows by port and as the port sends them, so that the other way is known to be a reply.
        package static let tcpFlows = flows("tcp-flows", [sourcePort, destinationPort], seconds: 120)
        package static let udpFlows = flows("udp-flows", [sourcePort, destinationPort], seconds: 300)
        /// Protocols without ports.
        package static let otherFlows = flows("other-flows", [.transportProtocol], seconds: 300)
        /// Fragmented packets whose first fragment passed, by sending and by receiving port: addresses, identification
        /// (RFC 8200 section 4.5 gives 60 seconds for all to arrive).
        package static let sentFragments = fragments("sent-fragments", .inputIndex)
        package static let receivedFragments = fragments("received-fragments", .outputIndex)
        /// The same of IPv4; its fragments are known by the identification of RFC 791.
        package static let tcpFlowsIPv4 = flowsIPv4("tcp-flows-ipv4", [sourcePort, destinationPort], seconds: 120)
        package static let udpFlowsIPv4 = flowsIPv4("udp-flows-ipv4", [sourcePort, destinationPort], seconds: 300)
        package static let otherFlowsIPv4 = flowsIPv4("other-flows-ipv4", [.transportProtocol], seconds: 300)
        package static let sentFragmentsIPv4 = fragmentsIPv4("sent-fragments-ipv4", .inputIndex)
        package static let receivedFragmentsIPv4 = fragmentsIPv4("received-fragments-ipv4", .outputIndex)
        /// Addresses that somebody asks for right now, by segment (RFC 4862: for a second and more).
        package static let claimed = NamedSet(
            "claimed", of: [.mark, targetHigh, targetLow], filling: .byPackets(seconds: 5, size: 65536))
        /// The same by port: who asks again asks for his own.
        package static let claiming = NamedSet(
            "claiming", of: [.inputIndex, targetHigh, targetLow], filling: .byPackets(seconds: 5, size: 65536))

        /// Own addresses from which a port sent neighbour discovery within these minutes: they are in use.
        package static let seen = NamedSet(
            "seen", of: [.inputName, .ipv6Source], filling: .byPackets(seconds: 300, size: 65536))

        /// All that the agent fills, in the order of the structure.
        package static let filledByAgent: [NamedSet] = [
            ready, fast, own, ports, layer2, externals, targets, allowed, allowedTargets, macs, gateways, segments,
            claimable, held, to, admitted, onLink, ingressProfiles, egressProfiles, ingress, egress,
            ownIPv4, targetsIPv4, admittedIPv4, ingressIPv4, egressIPv4, ndRate, multicastRate, flowRateOut, flowRateIn,
            packetRateOut, packetRateIn, byteRateOut, byteRateIn, ruleRate,
        ]
        /// All that packets fill.
        package static let filledByPackets: [NamedSet] =
            [
                tcpFlows, udpFlows, otherFlows, sentFragments, receivedFragments, tcpFlowsIPv4, udpFlowsIPv4,
                otherFlowsIPv4, sentFragmentsIPv4, receivedFragmentsIPv4, claimed, claiming, seen,
            ]
            + DropReason.allCases.map(\.counterSet)

        private static func flows(_ name: Identifier, _ rest: [Field], seconds: UInt32) -> NamedSet {
            NamedSet(
                name, of: [.inputIndex, .ipv6Source, .ipv6Destination] + rest,
                filling: .byPackets(seconds: seconds, size: 1 << 20))
        }

        private static func flowsIPv4(_ name: Identifier, _ rest: [Field], seconds: UInt32) -> NamedSet {
            NamedSet(
                name, of: [.inputIndex, .ipv4Source, .ipv4Destination] + rest,
                filling: .byPackets(seconds: seconds, size: 1 << 17))
        }

        private static func fragmentsIPv4(_ name: Identifier, _ port: Field) -> NamedSet {
            NamedSet(
                name, of: [port, .ipv4Source, .ipv4Destination, .network(32, 16)],
                filling: .byPackets(seconds: 60, size: 1 << 15))
        }

        private static func fragments(_ name: Identifier, _ port: Field) -> NamedSet {
            NamedSet(
                name, of: [port, .ipv6Source, .ipv6Destination, .network(352, 32)],
                filling: .byPackets(seconds: 60, size: 1 << 17))
        }
    }

    /// skb->mark from a frame's entry on.
    package enum FrameMark {
        /// From a member of the segment.
        package static let member: UInt32 = 0x6b63_0000
        /// From the gateway or an operator's interface: from elsewhere, perhaps.
        package static let outside: UInt32 = 0x6b63_0001
        /// These two alone have `member` in these bits.
        static let admitted: UInt64 = 0xffff_fffe
        /// Its sender has the kernel change it when it leaves, where rules look: from the program before the guard (GUARD_OFFLOAD
        /// of Sources/CBPF/guard_layout.h).
        static let offload: UInt32 = 0x6b63_00fd
        /// May leave by the port or the tunnel: no frame has it there but those that the guard let through.
        package static let delivered: UInt32 = 0x6b63_00ff
        /// VXLAN from a known tunnel endpoint: no frame out of a tunnel has it but theirs.
        package static let fromEndpoint: UInt32 = 0x6b63_00fe
    }

    /// Groups of devices (IFLA_GROUP), which cost less to ask for than a look into a map by mark and name.
    package enum DeviceGroup {
        /// Ports that get whatever members of their segment send: `to` has nothing else for them.
        package static let members: UInt32 = 0x6b64
        /// These bits have this value in it and in the group of all other devices that KC makes (0x6b63).
        static let mask: UInt64 = 0xffff_fff8
        static let own: UInt64 = 0x6b60
    }

    /// What `ingress` and `egress` say, beside the rule's number in the low 29 bits.
    package enum PolicyMark {
        package static let allowed: UInt32 = 0x8000_0000
        package static let logged: UInt32 = 0x4000_0000
        /// `rule-rate` has a limit for it.
        package static let limited: UInt32 = 0x2000_0000
    }

    /// Groups of NFLOG.
    package enum LogGroup {
        /// Dropped frames, by reason, and packets that a policy wants logged ("allowed").
        package static let drops: UInt16 = 27
        /// Claims of addresses ("claim": DAD; "held": DAD for what somebody has; "unlearned":
        /// a packet from an address not yet known).
        package static let claims: UInt16 = 28
    }
}
