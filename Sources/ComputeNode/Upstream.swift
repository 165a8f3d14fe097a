package import ComputeModel
package import Resources

/// Where the agent learns what it shall do, and says what it found.
package protocol ComputeUpstream: Sendable {
    /// Holds one connection and hands over its events in order, the first being `beginning`. Returns when the server ends
    /// it in good order or the task is cancelled, throws when it breaks; the caller connects again.
    func follow(_ deliver: @escaping @Sendable (OrderEvent) -> Void) async throws(UpstreamError)
    /// Says that the agent is there; again and again.
    func renew() async throws(UpstreamError)
    /// Replaces what was said of the host before; safe to repeat.
    func send(_ report: ComputeHostReport) async throws(UpstreamError)
    /// Replaces what was said of the VM before; safe to repeat. Nothing when the VM is gone.
    func send(_ report: VirtualMachineReport, of vm: ResourceID) async throws(UpstreamError)
    /// Says that nothing is left of a VM whose removal was told; safe to repeat.
    func acknowledge(removalOf vm: ResourceID) async throws(UpstreamError)
    /// Hands over what is typed at a console. Returns when its session has ended, throws when the connection breaks.
    func followConsole(
        _ session: ResourceID, _ deliver: @escaping @Sendable ([UInt8]) -> Void
    ) async throws(UpstreamError)
    /// Takes over a piece of what a guest writes; safe to repeat with the same number.
    /// - Throws: an error that `isGone` when the session has ended.
    func show(_ piece: ConsolePiece, number: UInt64, at session: ResourceID) async throws(UpstreamError)
    /// At most `count` bytes of an image from `offset` on; never none.
    func read(_ image: ResourceID, at offset: UInt64, count: Int) async throws(UpstreamError) -> [UInt8]
}

/// A request to the server that failed.
package struct UpstreamError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    /// Whether the server does not know what was spoken of.
    package let isGone: Bool

    package init(_ description: String, isGone: Bool = false) {
        self.description = description
        self.isGone = isGone
    }
}

package struct ComputeAgentSettings: Sendable {
    /// How often everything is looked at without a hint.
    package var look = Duration.seconds(10)
    /// How often the server is told that the agent is there; it believes it for 30 s.
    package var renewal = Duration.seconds(10)
    /// After the first failure of a VM's step, or of a connection; it doubles up to `longestWait`.
    package var firstWait = Duration.seconds(1)
    package var longestWait = Duration.seconds(30)
    /// How long nothing must have been said of a VM before it is removed without a word to remove it. Its disk goes with
    /// it, and a server that has just started may not know all yet: room is cheaper than a disk.
    package var absence = Duration.seconds(3600)
    /// VMs for which steps are done at the same time: each may cost a process and a disk's time.
    package var lanes = 8

    package init() {}
}
