import Addressing
import CBPF
import LinuxBPF
import NetworkModel
import NetworkPlanning
import NodePorts
import SeededRandomness
import Testing

/// The program in the kernel and the translator in Swift agree about every packet, byte for byte.
@Suite struct DifferentialTests {
    static let world = PacketDraw.World(
        prefix: IPv6Prefix(containing: IPv6Address(high: 0x0064_ff9b_0001_0000, low: 0), length: 96),
        mapped: (0..<8).map {
            (IPv4Address(0xcb00_710a + $0), IPv6Address(high: 0xfd00_0001 << 32, low: UInt64($0) + 16))
        },
        held: (0..<8).map {
            (IPv4Address(0xf000_0001 + $0), IPv6Address(high: 0xfd00_0001 << 32, low: UInt64($0) + 64))
        },
        router: IPv6Address(high: 0xfd00_0001 << 32, low: 1),
        outside: (0..<8).map { IPv4Address(0xc633_6402 + $0) } + [IPv4Address(0x0808_0808)])

    static func rules(_ prefix: IPv6Prefix) -> TranslationRules {
        TranslationRules(
            prefix: prefix, own: IPv4Address(0xc633_6401), mappings: Dictionary(uniqueKeysWithValues: world.mapped),
            holders: Dictionary(uniqueKeysWithValues: world.held), ipv6MTU: 1430, outerMTU: 1500)
    }

    struct Kernel {
        let object: TranslatorObject
        let tables: TranslatorTables

        init(_ rules: TranslationRules) throws {
            object = try TranslatorObject(path: TranslatorFile.path)
            tables = try object.tables()
            try tables.configure(
                TranslatorSettings(
                    prefix: rules.prefix, own: rules.own, block: IPv4Prefix(IPv4Address(0xf000_0000), length: 16),
                    innerDevice: 1, outerDevice: 0, ipv6MTU: rules.ipv6MTU, outerMTU: rules.outerMTU))
            for (ipv4, ipv6) in rules.mappings { try tables.map(ipv4, to: ipv6) }
            for (ipv4, ipv6) in rules.holders { try tables.hold(ipv4, by: ipv6, at: 1) }
        }

        /// nil when it is dropped; with one hop more, since it enters the stack again.
        ///
        /// `whole`: what the firewall notes of an echo before it is cut.
        func translate(_ packet: [UInt8], isIPv6: Bool, whole: Int?) throws -> [UInt8]? {
            let ethernet: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2] + (isIPv6 ? [0x86, 0xdd] : [0x08, 0x00])
            let (verdict, frame) = try object.run(
                .inner, on: ethernet + packet,
                mark: whole.map { (UInt32(NAT64_WHOLE_MARK) << 16 | UInt32($0)).bigEndian } ?? 0)
            // TC_ACT_SHOT, TC_ACT_REDIRECT (linux/pkt_cls.h).
            if verdict == 2 { return nil }
            #expect(verdict == 7)
            #expect(Array(frame[12..<14]) == (isIPv6 ? [0x08, 0x00] : [0x86, 0xdd]))
            return Array(frame[14...])
        }
    }

    static func agrees(_ kernel: [UInt8], _ expected: TranslatedPacket, isIPv4: Bool) -> Bool {
        var kernel = kernel
        var expected = expected
        guard kernel.count == expected.bytes.count else { return false }
        // The hop that the stack will count again.
        let hops = isIPv4 ? 8 : 7
        expected.bytes[hops] = UInt8(min(255, Int(expected.bytes[hops]) + 1))
        if isIPv4 {
            if let place = expected.freeIdentification {
                kernel[place] = 0
                kernel[place + 1] = 0
            }
            // Over the header's own checksum, judge by what it is for.
            kernel[10] = 0
            kernel[11] = 0
            expected.bytes[10] = 0
            expected.bytes[11] = 0
        }
        for place in expected.checksums {
            if kernel[place] == 255, kernel[place + 1] == 255 { (kernel[place], kernel[place + 1]) = (0, 0) }
            if expected.bytes[place] == 255, expected.bytes[place + 1] == 255 {
                (expected.bytes[place], expected.bytes[place + 1]) = (0, 0)
            }
        }
        return kernel == expected.bytes
    }

    static func isClosed(_ ipv4: [UInt8]) -> Bool {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: 20, by: 2) { sum += UInt32(ipv4[index]) << 8 | UInt32(ipv4[index + 1]) }
        while sum > 0xffff { sum = (sum >> 16) + (sum & 0xffff) }
        return sum == 0xffff
    }

    @Test(arguments: [false, true])
    func `kernel and reference agree about every packet`(isWellKnown: Bool) throws {
        let random = SeededGenerator(printedFor: "translation, well-known prefix: \(isWellKnown)")
        var world = Self.world
        if isWellKnown {
            world.prefix = .wellKnownNAT64
            world.outside = (0..<8).map { IPv4Address(0x0808_0802 + $0) } + [IPv4Address(0xc633_6402)]
        }
        let rules = Self.rules(world.prefix)
        let kernel = try Kernel(rules)
        var translator = PacketTranslator(rules)
        var draw = PacketDraw(random: random, world: world)
        var translated = [0, 0]
        var drops: [TranslationDrop: Int] = [:]
        var disagreements = 0
        var given = 0
        /// Fragments of echoes.
        var cut = [0, 0]
        for round in 0..<20_000 {
            let isIPv6 = round % 2 == 0
            let packet = isIPv6 ? draw.ipv6() : draw.ipv4()
            // The kernel's test does not take what the stack would never show a device.
            guard packet.count >= (isIPv6 ? 40 : 20), packet.count <= 3000 else { continue }
            let whole = round % 3 == 0 ? nil : round &* 37 % 4096
            let actual = try kernel.translate(packet, isIPv6: isIPv6, whole: whole)
            if isIPv6 {
                // A sender that has no address may have been given one of the block just now.
                let sender = IPv6Address(
                    high: packet[8..<16].reduce(0) { $0 << 8 | UInt64($1) },
                    low: packet[16..<24].reduce(0) { $0 << 8 | UInt64($1) })
                if translator.rules.ipv4(of: sender) == nil, let held = try kernel.tables.held(by: sender) {
                    var holders = translator.rules.holders
                    holders[held] = sender
                    given += 1
                    translator = PacketTranslator(
                        TranslationRules(
                            prefix: rules.prefix, own: rules.own, mappings: rules.mappings, holders: holders,
                            ipv6MTU: rules.ipv6MTU, outerMTU: rules.outerMTU))
                }
            }
            let expected: Result<TranslatedPacket, TranslationDrop> = Result { () throws(TranslationDrop) in
                isIPv6 ? try translator.toIPv4(packet, whole: whole) : try translator.toIPv6(packet, whole: whole)
            }
            switch (expected, actual) {
            case (.failure(let reason), nil):
                drops[reason, default: 0] += 1
                continue
            case (.success(let expected), let actual?):
                translated[isIPv6 ? 0 : 1] += 1
                if isIPv6 ? packet[6] == 44 && packet[40] == 58 : packet[9] == 1 && packet[6] & 0x3f | packet[7] != 0 {
                    cut[isIPv6 ? 0 : 1] += 1
                }
                if Self.agrees(actual, expected, isIPv4: isIPv6), !isIPv6 || Self.isClosed(actual) { continue }
            default: break
            }
            disagreements += 1
            Issue.record(
                "round \(round): \(packet)\nkernel \(actual ?? [])\nreference \(expected) \(try kernel.tables.counts())"
            )
            if disagreements > 3 { return }
        }
        // Every class is met, or the test says less than it seems to.
        #expect(translated[0] > 3000 && translated[1] > 3000, "translated \(translated), dropped \(drops)")
        for reason in TranslationDrop.allCases where reason != .notGlobal || isWellKnown {
            #expect(drops[reason, default: 0] > 5, "dropped \(drops)")
        }
        #expect(given > 0)
        #expect(cut[0] > 5 && cut[1] > 5, "\(cut)")
        print("translated \(translated), addresses given \(given), dropped \(drops)")
    }
}
