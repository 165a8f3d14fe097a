import ComputeModel
import ComputePlanning
import DomainXML
import Foundation
import Resources
import TestComputeHosts
import TestNamespaces
import Testing
import Waiting

/// A machine with UEFI, which keeps variables of its own beside its disk.
struct FirmwareTests {
    @Test func `a VM with UEFI boots an unsigned system, boots it again, and leaves no variables behind`() async throws
    {
        let host = try await TestComputeHost(firmware: .uefi)
        var order = try host.order(1)
        try host.makePorts(of: order)
        let variables = "\(host.libvirtd.folder)/lib/qemu/nvram"
        func state() -> String { "\(String(describing: host.upstream.report(order.id)))" }
        func answers(_ what: String) async throws {
            try await eventually(what, state, within: .seconds(90)) { host.answers(order.interfaces[0]) }
        }
        try await host.withAgent {
            host.upstream.order(order)
            try await answers("it answers")
            #expect(try !command("/usr/bin/find", variables, "-type", "f").isEmpty)
            order = try host.order(1, power: .off)
            host.upstream.order(order)
            try await eventually("it has ended by itself", state, within: .seconds(30)) {
                host.upstream.report(order.id)?.state == .stopped
            }
            #expect(try host.libvirtd.virsh("domstate", "--reason", "kc-\(order.id)").contains("shutdown"))
            order = try host.order(1)
            host.upstream.order(order)
            try await answers("it answers again")
            host.upstream.removeAloud(order.id)
            try await eventually("nothing of it is left", state) {
                try host.libvirtd.virsh("list", "--all", "--name").allSatisfy(\.isWhitespace)
                    && command("/usr/bin/find", host.paths.disks, variables, "-type", "f").isEmpty
            }
        }
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["KC_LONG"] == "1"))
    func `an arm64 machine starts its firmware, here by emulation`() async throws {
        let host = try await TestComputeHost()
        var order = try host.order(1, graceSeconds: 0)
        order.machine.architecture = .arm64
        order.machine.firmware = .uefi
        order.machine.memoryMiB = 512
        try host.makePorts(of: order)
        let console = host.paths.console(order.id).description
        func state() -> String { "\(String(describing: host.upstream.report(order.id)))" }
        try await host.withAgent {
            host.upstream.order(order)
            // Its disk is an amd64 one, so that all it can do is say so.
            try await eventually("its firmware speaks", state, within: .seconds(90)) {
                guard FileManager.default.fileExists(atPath: console) else { return false }
                let said = try Data(contentsOf: URL(filePath: console))
                return String(decoding: said, as: UTF8.self).contains("UEFI firmware")
            }
            try await eventually("it is said to run", state) { host.upstream.report(order.id)?.state == .running }
            order.power = .off
            host.upstream.order(order)
            try await eventually("it has ended", state, within: .seconds(30)) {
                host.upstream.report(order.id)?.state == .stopped
            }
        }
    }
}
