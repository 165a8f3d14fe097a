import Addressing
import SeededRandomness

/// Draws packets that a translator has to think about: right ones of every class, nearly right ones, and damaged ones.
struct PacketDraw {
    var random: SeededGenerator
    let world: World

    /// The addresses of a test.
    struct World {
        var prefix: IPv6Prefix
        var mapped: [(IPv4Address, IPv6Address)]
        var held: [(IPv4Address, IPv6Address)]
        var router: IPv6Address
        var outside: [IPv4Address]

        func embedded(_ address: IPv4Address) -> IPv6Address {
            IPv6Address(high: prefix.address.high, low: prefix.address.low | UInt64(address.value))
        }
    }

    // MARK: Whole packets

    mutating func ipv6() -> [UInt8] {
        var target = pick(world.outside)
        if chance(8) { target = pick(world.mapped).0 }
        if chance(4) { target = IPv4Address(pick([0x0a01_0203, 0x7f00_0001, 0xe000_0001, 0x0000_0001, 0xc0a8_0101])) }
        var source = pick(world.mapped + world.held).1
        var destination = world.embedded(target)
        if chance(3) {
            source = pick([world.router, destination, .segmentRouter, IPv6Address(high: 0xff02 << 48, low: 1)])
        }
        if chance(2) { destination = world.router }
        var (next, content) = transport6(source, destination)
        if next == 58, let type = content.first, type < 128, chance(30) { source = world.router }
        if next == 58, !chance(4) { content = closed(content, pseudo6(source, destination, content.count, 58), at: 2) }
        var extensions: [UInt8] = []
        if chance(25) { fragment(&next, &content, &extensions) }
        for _ in 0..<(chance(20) ? Int.random(in: 1...4, using: &random) : 0) {
            let kind = pick([0, 60, 43] as [UInt8])
            let words = Int.random(in: 0...2, using: &random)
            var header = [next, UInt8(words)] + array(words * 8 + 6)
            if kind == 43, chance(80) { header[3] = 0 }
            extensions = header + extensions
            next = kind
        }
        let payload = extensions + content
        var packet: [UInt8] = [0x60 | UInt8.random(in: 0...15, using: &random)] + array(3)
        packet += [
            UInt8(payload.count >> 8), UInt8(payload.count & 255), next,
            chance(2) ? 0 : UInt8.random(in: 1...254, using: &random),
        ]
        packet += bytes(source) + bytes(destination) + payload
        return damaged(packet)
    }

    mutating func ipv4() -> [UInt8] {
        var source = pick(world.outside)
        if chance(8) { source = pick(world.mapped).0 }
        if chance(4) { source = IPv4Address(pick([0x0a01_0203, 0x7f00_0001, 0xe000_0001, 0x0000_0001, 0xc0a8_0101])) }
        let target = chance(4) ? pick(world.outside) : pick(world.mapped + world.held).0
        var (next, content) = transport4(source, target)
        if next == 1, !chance(4) { content = closed(content, 0, at: 2) }
        var word: UInt16 = chance(50) ? 0x4000 : 0
        if chance(25) {
            content = Array(content.prefix(content.count / 8 * 8))
            word = UInt16.random(in: 0...0x1fff, using: &random) & (chance(50) ? 0 : 0x1fff) | (chance(70) ? 0x2000 : 0)
        }
        if chance(1) { next = 58 }
        let options = chance(15) ? Int.random(in: 1...10, using: &random) * 4 : 0
        return damaged(header4(next, word, options, content.count, source, target) + content)
    }

    // MARK: Parts

    private mutating func header4(
        _ next: UInt8, _ word: UInt16, _ options: Int, _ count: Int, _ source: IPv4Address, _ target: IPv4Address
    ) -> [UInt8] {
        let length = 20 + options + count
        var header: [UInt8] = [0x40 | UInt8(5 + options / 4), UInt8(random.next() & 255)]
        header += [UInt8(length >> 8 & 255), UInt8(length & 255)] + array(2) + [UInt8(word >> 8), UInt8(word & 255)]
        header += [chance(2) ? 0 : UInt8.random(in: 1...254, using: &random), next, 0, 0]
        header += bytes(source) + bytes(target) + array(options)
        return closed(header, 0, at: 10)
    }

    private mutating func fragment(_ next: inout UInt8, _ content: inout [UInt8], _ extensions: inout [UInt8]) {
        var offset: UInt16 = 0
        var more: UInt16 = 0
        if !chance(30) {
            offset = chance(50) ? 0 : UInt16.random(in: 0...0x1fff, using: &random)
            more = chance(70) ? 1 : 0
            content = Array(content.prefix(content.count / 8 * 8))
        }
        let word = offset << 3 | more | (chance(5) ? 6 : 0)
        extensions = [next, 0, UInt8(word >> 8), UInt8(word & 255)] + array(4)
        next = 44
    }

    private mutating func transport6(_ source: IPv6Address, _ destination: IPv6Address) -> (UInt8, [UInt8]) {
        let count = size()
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<25: return (6, array(20 + count))
        case 25..<50: return (17, udp(count))
        case 50..<62: return (58, [pick([128, 129, 128, 129, 130, 135, 133]), 0] + array(6 + count))
        case 62..<90: return (58, error6(source, destination))
        default: return (pick([50, 47, 132, 136, 33, 1, 51, 253]), array(count))
        }
    }

    private mutating func transport4(_ source: IPv4Address, _ target: IPv4Address) -> (UInt8, [UInt8]) {
        let count = size()
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<25: return (6, array(20 + count))
        case 25..<52: return (17, udp(count))
        case 52..<64: return (1, [pick([8, 0, 8, 0, 13, 9, 17]), 0] + array(6 + count))
        case 64..<90: return (1, error4(source, target))
        default: return (pick([50, 47, 132, 136, 33, 51, 253]), array(count))
        }
    }

    /// An ICMPv6 error of one of ours about a packet from the IPv4 world.
    private mutating func error6(_ source: IPv6Address, _ destination: IPv6Address) -> [UInt8] {
        let from = chance(95) ? world.embedded(pick(world.outside)) : source
        let to = chance(95) ? pick(world.mapped + world.held).1 : world.router
        let count = size()
        var (next, content): (UInt8, [UInt8]) =
            switch Int.random(in: 0..<4, using: &random) {
            case 0: (6, array(20 + count))
            case 1: (17, udp(count))
            case 2: (58, [pick([128, 129, 128, 1]), 0] + array(6 + count))
            default: (pick([50, 47, 132, 136]), array(count))
            }
        var extensions: [UInt8] = []
        if chance(20) { fragment(&next, &content, &extensions) }
        if chance(10) {
            extensions = [next, 0] + array(6) + extensions
            next = 60
        }
        let length = chance(80) ? extensions.count + content.count : Int.random(in: 0...3000, using: &random)
        var quoted: [UInt8] = [0x60 | UInt8.random(in: 0...15, using: &random)] + array(3)
        quoted += [UInt8(length >> 8), UInt8(length & 255), next, UInt8(random.next() & 255)]
        quoted += bytes(from) + bytes(to) + extensions + content
        quoted = Array(quoted.prefix(chance(30) ? Int.random(in: 40...120, using: &random) : 1232))
        let type = pick([1, 1, 2, 2, 3, 4, 4, 100] as [UInt8])
        var rest: [UInt8] = [0, 0, 0, 0]
        switch type {
        case 2: rest = [0, 0] + pick([[5, 0], [5, 220], [0, 50], [4, 0], [255, 255]])
        case 4: rest = [0, 0, 0, pick([0, 1, 2, 4, 5, 6, 7, 8, 20, 24, 39, 40, 48])]
        default: if chance(15) { rest = [UInt8.random(in: 4...20, using: &random)] + array(3) }
        }
        return [type, UInt8.random(in: 0...6, using: &random), 0, 0] + rest + quoted
    }

    /// An ICMPv4 error from outside about a packet of one of ours.
    private mutating func error4(_ source: IPv4Address, _ target: IPv4Address) -> [UInt8] {
        let from = chance(95) ? pick(world.mapped + world.held).0 : source
        let to = chance(90) ? pick(world.outside) : pick(world.mapped).0
        let count = size()
        var (next, content): (UInt8, [UInt8]) =
            switch Int.random(in: 0..<4, using: &random) {
            case 0: (6, array(20 + count))
            case 1: (17, udp(count))
            case 2: (1, [pick([8, 0, 8, 3]), 0] + array(6 + count))
            default: (pick([50, 47, 132, 136]), array(count))
            }
        var word: UInt16 = chance(50) ? 0x4000 : 0
        if chance(20) {
            content = Array(content.prefix(content.count / 8 * 8))
            word = (chance(50) ? 0 : UInt16.random(in: 0...0x1fff, using: &random)) | (chance(70) ? 0x2000 : 0)
        }
        let options = chance(10) ? Int.random(in: 1...10, using: &random) * 4 : 0
        if chance(2) { next = 6 }
        let length = chance(80) ? content.count : Int.random(in: 0...3000, using: &random)
        var quoted = header4(next, word, options, length, from, to) + content
        quoted = Array(quoted.prefix(chance(50) ? Int.random(in: 20...100, using: &random) : 1400))
        let type = pick([3, 3, 3, 11, 12, 12, 4, 5] as [UInt8])
        var rest: [UInt8] = [0, 0, 0, 0]
        let code = type == 3 && chance(30) ? 4 : UInt8.random(in: 0...16, using: &random)
        switch (type, code) {
        case (3, 4): rest = [0, 0] + pick([[0, 0], [5, 220], [2, 64], [4, 236], [255, 255]])
        case (12, _): rest = [pick([0, 1, 2, 4, 8, 9, 10, 12, 15, 16, 19, 20, 40]), 0, 0, 0]
        default: if chance(15) { rest = [0, UInt8.random(in: 4...40, using: &random), 0, 0] }
        }
        return [type, type == 12 ? UInt8.random(in: 0...2, using: &random) : code, 0, 0] + rest + quoted
    }

    private mutating func udp(_ count: Int) -> [UInt8] {
        let length = 8 + count
        return array(4) + [UInt8(length >> 8), UInt8(length & 255)] + (chance(25) ? [0, 0] : array(2)) + array(count)
    }

    private mutating func size() -> Int {
        chance(60) ? Int.random(in: 0...60, using: &random) : Int.random(in: 0...1400, using: &random)
    }

    /// Now and then cut short, with a byte changed, or followed by padding.
    private mutating func damaged(_ packet: [UInt8]) -> [UInt8] {
        var packet = packet
        if chance(4) { packet.removeLast(Int.random(in: 1...max(1, packet.count - 20), using: &random)) }
        if chance(6) {
            let place = Int.random(in: 0..<min(packet.count, 120), using: &random)
            packet[place] = pick([0, 1, 4, 6, 17, 44, 58, 60, 255, packet[place] ^ 1, packet[place] ^ 0x80])
        }
        if chance(6) { packet += array(Int.random(in: 1...20, using: &random)) }
        return packet
    }

    // MARK: Small things

    private mutating func chance(_ percent: Int) -> Bool { random.chance(percent) }
    private mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }
    private mutating func array(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(random.next() & 255) } }

    private func bytes(_ address: IPv4Address) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: address.value >> (24 - 8 * UInt32($0))) }
    }
    private func bytes(_ address: IPv6Address) -> [UInt8] {
        [address.high, address.low].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
        }
    }
    private func sum(_ bytes: [UInt8]) -> UInt64 {
        bytes.enumerated().reduce(0) { $0 + ($1.offset % 2 == 0 ? UInt64($1.element) << 8 : UInt64($1.element)) }
    }
    private func pseudo6(_ source: IPv6Address, _ destination: IPv6Address, _ count: Int, _ next: UInt64) -> UInt64 {
        sum(bytes(source)) + sum(bytes(destination)) + UInt64(count) + next
    }
    /// With the right checksum at `place`.
    private func closed(_ message: [UInt8], _ pseudo: UInt64, at place: Int) -> [UInt8] {
        var message = message
        guard message.count >= place + 2 else { return message }
        message[place] = 0
        message[place + 1] = 0
        let checksum = ~UInt16((sum(message) + pseudo) % 0xffff)
        message[place] = UInt8(checksum >> 8)
        message[place + 1] = UInt8(checksum & 255)
        return message
    }
}
