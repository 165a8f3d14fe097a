import Addressing
import ComputeModel
import DomainXML
import Foundation
import Resources
import SeededRandomness
import Testing

/// Domains held against libvirt itself: its schema, its parser, and what it writes back (its test driver runs no machine).
@Suite struct LibvirtTests {
    /// What virsh says after it has defined each document, validated, and shown it again.
    static func defined(_ documents: [String]) throws -> [String] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kc-domains-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // It is in /tmp: what stays harms nothing.
        var shown: [String] = []
        // So many commands a call: a process takes only so long an argument.
        for start in stride(from: 0, to: documents.count, by: 50) {
            var commands: [String] = []
            for (index, document) in documents.enumerated().dropFirst(start).prefix(50) {
                let file = folder.appendingPathComponent("\(index).xml").path
                try Data(document.utf8).write(to: URL(fileURLWithPath: file))
                let name = try #require(document.firstRange(of: "<name>"))
                commands += ["define --validate \(file)", "dumpxml \(document[name.upperBound...].prefix(39))"]
            }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/virsh")
            process.arguments = ["-q", "-c", "test:///default", commands.joined(separator: "; ")]
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "virsh: \(text.suffix(2000))")
            #expect(!text.contains("error:"), "\(text.suffix(2000))")
            let parts = text.components(separatedBy: "</domain>").dropLast()
            shown += parts.map { "\($0)</domain>" }
        }
        return shown
    }

    /// Every value at random, paths with all that a file name may contain.
    static func domain(_ number: Int, using random: inout SeededGenerator) throws -> Domain {
        let nasty = [
            "'/><evil a='", "</source>", "]]>", "<!--", "&amp;", "&#0;", "\"", "ä€😀", "a b", "%s", "$(id)", "\\", "<",
        ]
        func path() throws -> HostPath {
            let parts = (0...2).map { _ in nasty.randomElement(using: &random) ?? "a" }
            return try DomainTests.path("/" + parts.joined().split(separator: "/").joined(separator: "/"))
        }
        func disk() throws -> DomainDisk {
            let source: DomainDisk.Source =
                switch Int.random(in: 0...3, using: &random) {
                case 0: .overlay(try path(), image: try path(), format: random.chance(50) ? .raw : .qcow2)
                case 1: .qcow2(try path())
                case 2: .raw(try path())
                default: .rbd(try DomainTests.rbd())
                }
            return DomainDisk(source, isReadOnly: random.chance(20))
        }
        var machine = DomainTests.machine(random.chance(30) ? .arm64 : .amd64)
        machine.firmware = machine.architecture == .amd64 && random.chance(40) ? .bios : .uefi
        machine.cpus = .random(in: 1...64, using: &random)
        machine.memoryMiB = .random(in: 64...1_000_000, using: &random)
        machine.cpuModel = random.chance(50) ? "host" : "Skylake-Server-IBRS"
        machine.devices = MachineDevice.allCases.filter { _ in random.chance(60) }
        var domain = try DomainTests.domain(
            number, machine: machine, disks: (0..<Int.random(in: 1...26, using: &random)).map { _ in try disk() })
        domain.acceleration = random.chance(50) ? .kvm : .tcg
        domain.interfaces = try (0..<Int.random(in: 0...16, using: &random)).map { index in
            DomainInterface(
                device: try InterfaceName("kct\(number)-\(index)"), mac: MACAddress(0x026b_6300_0000 + UInt64(index)),
                mtu: try MTU(Int.random(in: 1280...9000, using: &random)))
        }
        return domain
    }

    @Test func `libvirt validates every domain, and what it shows is ours and says what we said`() throws {
        var random = SeededGenerator(printedFor: "domains")
        let domains = try (1...100).map { try Self.domain($0, using: &random) }
        let shown = try Self.defined(domains.map(\.xml))
        try #require(shown.count == domains.count)
        for (domain, text) in zip(domains, shown) {
            #expect(try DomainIdentity(reading: Array(text.utf8)) == .vm(domain.id))
            #expect(try DomainIdentity(reading: Array(domain.xml.utf8)) == .vm(domain.id))
            let document = try XMLDocumentTree(text)
            #expect(document.values("disk", "target", "dev").count == domain.disks.count)
            let paths = domain.disks.flatMap { disk -> [String] in
                switch disk.source {
                case .overlay(let path, let image, _): [path.description, image.description]
                case .qcow2(let path), .raw(let path): [path.description]
                case .rbd: []
                }
            }
            #expect(document.values("source", nil, "file").sorted() == paths.sorted())
            #expect(document.values("interface", "target", "dev") == domain.interfaces.map(\.device.text))
            #expect(document.values("interface", "target", "managed") == domain.interfaces.map { _ in "no" })
            #expect(document.values("interface", "mtu", "size") == domain.interfaces.map(\.mtu.description))
            #expect(!document.names.contains("evil"))
        }
    }

    @Test func `a CPU model that is no word becomes text and nothing else`() throws {
        var machine = DomainTests.machine()
        machine.cpuModel = "x</model></cpu><qemu:commandline><qemu:arg value='-S'/></qemu:commandline>\u{1}\r\n&"
        let text = try DomainTests.domain(machine: machine).xml
        let document = try XMLDocumentTree(text)
        #expect(!document.names.contains("qemu:commandline") && !document.names.contains("qemu:arg"))
        #expect(document.text("model") == machine.cpuModel.replacing("\u{1}", with: "\u{fffd}"))
    }
}
