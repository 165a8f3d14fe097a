import ComputeModel
import ComputePlanning
import Foundation
import Glibc
import Resources
import TestComputeHosts
import Testing
import Waiting

/// The serial console of a real guest, through the agent.
@Suite(.serialized)
struct ConsoleTests {
    @Test func `what is typed at a console reaches the guest, and what it writes comes back, over its power`()
        async throws
    {
        let host = try await TestComputeHost()
        var order = try host.order(1)
        try host.makePorts(of: order)
        let session = TestComputeHost.id(900)
        func state() -> String {
            "\(String(describing: host.upstream.report(order.id)))\n\(host.upstream.shown(session))\n"
                + "\(host.upstream.notices(session))\n\(host.libvirtd.log)"
        }
        func shown() -> String { host.upstream.shown(session) }
        try await host.withAgent {
            // Before the VM runs: who waits sees it boot.
            host.upstream.open(ConsoleOrder(session: session, vm: order.id))
            host.upstream.order(order)
            try await eventually("it is told of what is not there", state) {
                host.upstream.notices(session).first?.contains("does not run") ?? false
            }
            try await eventually("the guest is ready", state, within: .seconds(60)) {
                shown().contains("guest ready \(order.id)")
            }
            host.upstream.type("echo $((6 * 7))-answers\r", at: session)
            try await eventually("the guest answers", state) { shown().contains("42-answers") }
            let begin = ContinuousClock.now
            host.upstream.type("echo $((6 * 8))-again\r", at: session)
            try await eventually("the guest answers again", state) { shown().contains("48-again") }
            print("typed and answered in \(begin.duration(to: .now))")
            // Control sequences are the terminal's business.
            host.upstream.type("printf '\\033[1m\\001\\377'\r", at: session)
            try await eventually("bytes come as they are", state) { shown().contains("\u{1b}[1m\u{1}") }

            // More than anybody reads: nothing stops, and the end of it comes.
            host.upstream.type("seq 1 20000; echo $((6 * 9))-end\r", at: session)
            try await eventually("all of it comes", state, within: .seconds(60)) { shown().contains("54-end") }

            // Another one is refused at the host itself, unless it insists.
            let other = TestComputeHost.id(901)
            host.upstream.open(ConsoleOrder(session: other, vm: order.id))
            try await eventually("the second one hears why", state) {
                host.upstream.notices(other).contains { $0.contains("console") }
            }
            host.upstream.end(other)

            let before = shown().components(separatedBy: "guest ready").count
            order = try host.order(1, power: .off, graceSeconds: 1)
            host.upstream.order(order)
            try await eventually("it is off", state, within: .seconds(30)) {
                host.upstream.report(order.id)?.state == .stopped
            }
            try await eventually("who is there hears of it", state) {
                host.upstream.notices(session).count { $0.contains("does not run") } >= 2
            }
            order = try host.order(1)
            host.upstream.order(order)
            try await eventually("its second boot is seen", state, within: .seconds(60)) {
                shown().components(separatedBy: "guest ready").count > before
            }
            host.upstream.end(session)

            // Who comes later sees what was written before.
            let late = TestComputeHost.id(902)
            host.upstream.open(ConsoleOrder(session: late, vm: order.id))
            try await eventually("the end of the log is shown", state) {
                host.upstream.shown(late).contains("guest ready")
            }
            host.upstream.end(late)
            host.upstream.remove(order.id)
            try await eventually("the log goes with the VM", state) {
                access("\(host.paths.consoles)/\(order.id).log", F_OK) != 0 && host.guest(order) == nil
            }
        }
    }
}
