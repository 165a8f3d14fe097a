import Addressing
import DaemonConfigs
import Glibc
import LinuxProcesses
package import NetworkModel
package import NetworkPlanning
package import NodePorts
import Synchronization

/// tayga as the translator of gateways' namespaces: a supervised daemon behind a tun device, for kernels that take no
/// program. It counts nothing, and guests are not told of the prefix.
///
/// What was asked for is remembered by this object alone: the next agent asks again, which changes nothing that is right.
package final class TaygaTranslators: Translators {
    private let supervisor: ProcessSupervisor
    private let ensured = Mutex<[NamespaceName: TranslatorSpec]>([:])

    package init(supervisor: ProcessSupervisor) { self.supervisor = supervisor }

    package func observe(in namespace: NamespaceName) async throws(NodeError) -> TranslatorSpec? {
        guard let spec = ensured.withLock({ $0[namespace] }),
            let daemon = await supervisor.observe()[DaemonInstance.tayga(in: namespace)], daemon.isRunning,
            daemon.configuration == (try configuration(of: spec).text)
        else { return nil }
        let plumbing = TaygaPlumbing(spec)
        return try await inside(namespace) { () throws(NodeError) in try plumbing.isThere() } ? spec : nil
    }

    package func ensure(_ spec: TranslatorSpec, in namespace: NamespaceName) async throws(NodeError) {
        let text = try configuration(of: spec).text
        let plumbing = TaygaPlumbing(spec)
        let instance = DaemonInstance.tayga(in: namespace)
        try await inside(namespace) { () throws(NodeError) in try plumbing.make() }
        // It reads its file once.
        if let known = await supervisor.observe()[instance], known.configuration != text {
            try await supervisor.stop(instance: instance, withdraw: true)
        }
        try await supervisor.ensure(
            DaemonSpec(program: .tayga, instance: instance, namespace: namespace.text, configuration: text))
        ensured.withLock { $0[namespace] = spec }
    }

    package func remove(in namespace: NamespaceName) async throws(NodeError) {
        ensured.withLock { $0[namespace] = nil }
        try await supervisor.stop(instance: DaemonInstance.tayga(in: namespace), withdraw: true)
        try await inside(namespace) { () throws(NodeError) in try TaygaPlumbing.remove() }
    }

    package func statistics(in namespace: NamespaceName) async throws(NodeError) -> TranslatorStatistics? {
        guard await supervisor.observe()[DaemonInstance.tayga(in: namespace)] != nil else { return nil }
        return TranslatorStatistics(translator: .tayga)
    }

    private func configuration(of spec: TranslatorSpec) throws(NodeError) -> TaygaConfiguration {
        guard let own = spec.own else {
            throw NodeError(
                .program, operation: "translate with", subject: "tayga",
                message: "the gateway's uplink has no IPv4 address, which its errors would come from; give it one")
        }
        return TaygaConfiguration(
            device: .translator, own: own, prefix: spec.prefix, hasBlock: spec.block != nil, mappings: spec.mappings)
    }

    private func inside<Value: Sendable>(
        _ namespace: NamespaceName, _ job: @escaping @Sendable () throws(NodeError) -> Value
    ) async throws(NodeError) -> Value {
        let thread = NamespaceThread("kc-tayga", in: namespace) { () throws(NodeError) in NoState() }
        return try await thread.run { _ throws(NodeError) in try job() }
    }

    /// Jobs on the thread keep nothing between them.
    private final class NoState: ThreadState {
        var watched: [Int32] { [] }
        func isReady(_ descriptor: Int32) {}
        var deadline: ContinuousClock.Instant? { nil }
        func deadlineIsOver() {}
    }
}
