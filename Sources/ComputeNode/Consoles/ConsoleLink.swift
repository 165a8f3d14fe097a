import ComputeModel
import ComputePorts
import Resources
import Synchronization

/// One session at the console of one VM: what the guest writes goes to the server, what is typed to the guest.
///
/// It outlasts the guest's reboots and its power: while the VM does not run, it waits for it and says so once.
final class ConsoleLink: Sendable {
    private let order: ConsoleOrder
    private let ports: ComputeHostPorts
    private let upstream: any ComputeUpstream
    /// While it is open.
    private let line = Mutex<(any ConsoleLine)?>(nil)

    /// What a guest may write, on average: far beyond what anybody reads, and no load for the server's store.
    private static let secondsPerByte = 1 / 131_072.0
    private static let pause = Duration.milliseconds(300)

    init(_ order: ConsoleOrder, _ ports: ComputeHostPorts, _ upstream: any ComputeUpstream) {
        self.order = order
        self.ports = ports
        self.upstream = upstream
    }

    /// Returns when the server says that the session has ended, or when cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.show() }
            group.addTask { await self.take() }
            await group.next()
            group.cancelAll()
            line.withLock { $0 }?.close()
        }
    }

    // MARK: from the guest

    private func show() async {
        var number: UInt64 = 0
        var said = ""
        var piece: ConsolePiece? = await ports.disks.consoleTail(of: order.vm).map { ConsolePiece($0) }
        while !Task.isCancelled {
            if let next = piece {
                guard await send(next, number) else { return }
                number += 1
                piece = nil
            }
            do throws(HypervisorError) {
                let line = try await ports.hypervisor.openConsole(of: order.vm, force: order.force)
                self.line.withLock { $0 = line }
                said = ""
                number = await show(line, from: number)
                self.line.withLock { $0 = nil }
                line.close()
            } catch {
                if error.cause != said, error.code != .timedOut { piece = ConsolePiece([], notice: error.cause) }
                said = error.cause
            }
            // The only error of a sleep is cancellation, which the loop sees.
            do { try await Task.sleep(for: Self.pause) } catch {}
        }
    }

    /// Until it ends, or the session does.
    private func show(_ line: any ConsoleLine, from first: UInt64) async -> UInt64 {
        var number = first
        // In the words of a leaky bucket: what was sent beyond the pace, as the time that it takes.
        var ahead = Duration.zero
        var last = ContinuousClock.now
        while !Task.isCancelled, let bytes = await line.read(atMost: ConsolePiece.maximum) {
            guard await send(ConsolePiece(bytes), number) else { break }
            number += 1
            let now = ContinuousClock.now
            ahead = max(.zero, ahead - last.duration(to: now)) + .seconds(Double(bytes.count) * Self.secondsPerByte)
            last = now
            if ahead > .milliseconds(500) {
                // The only error of a sleep is cancellation, which the loop sees.
                do { try await Task.sleep(for: ahead - .milliseconds(250)) } catch {}
            }
        }
        return number
    }

    /// Again and again until it is taken; false when the session has ended.
    private func send(_ piece: ConsolePiece, _ number: UInt64) async -> Bool {
        while !Task.isCancelled {
            do throws(UpstreamError) {
                try await upstream.show(piece, number: number, at: order.session)
                return true
            } catch { if error.isGone { return false } }
            // The only error of a sleep is cancellation, which the loop sees.
            do { try await Task.sleep(for: Self.pause) } catch {}
        }
        return false
    }

    // MARK: to the guest

    private func take() async {
        let (typed, continuation) = AsyncStream.makeStream(of: [UInt8].self, bufferingPolicy: .bufferingOldest(64))
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await bytes in typed {
                    // Without a console there is nobody to hear it; a guest that takes nothing has lost it.
                    do throws(HypervisorError) { try await self.line.withLock { $0 }?.write(bytes) } catch {}
                }
            }
            while !Task.isCancelled {
                do throws(UpstreamError) {
                    try await upstream.followConsole(order.session) { continuation.yield($0) }
                    break
                } catch { if error.isGone { break } }
                // The only error of a sleep is cancellation, which the loop sees.
                do { try await Task.sleep(for: Self.pause) } catch {}
            }
            group.cancelAll()
        }
    }
}
