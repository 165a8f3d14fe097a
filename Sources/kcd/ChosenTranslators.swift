import Addressing
import LinuxBPF
import LinuxDaemons
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Synchronization

/// The kernel's translator where it can be loaded, which is tried once, and tayga where not. A program of the kernel that
/// an earlier agent started goes on.
final class ChosenTranslators: Translators {
    private let kernel: GatewayTranslators
    private let tayga: TaygaTranslators
    private let obstacle = Mutex<Obstacle?>(nil)

    private struct Obstacle {
        /// nil: it can be loaded.
        var error: NodeError?
    }

    init(kernel: GatewayTranslators, tayga: TaygaTranslators) {
        self.kernel = kernel
        self.tayga = tayga
    }

    func observe(in namespace: NamespaceName) async throws(NodeError) -> TranslatorSpec? {
        try await chosen(in: namespace).observe(in: namespace)
    }

    func ensure(_ spec: TranslatorSpec, in namespace: NamespaceName) async throws(NodeError) {
        let chosen = try await chosen(in: namespace)
        // What another agent chose, before an upgrade say, is in the way.
        if chosen is GatewayTranslators, try await tayga.statistics(in: namespace) != nil {
            try await tayga.remove(in: namespace)
        }
        try await chosen.ensure(spec, in: namespace)
    }

    func remove(in namespace: NamespaceName) async throws(NodeError) {
        try await chosen(in: namespace).remove(in: namespace)
    }

    func statistics(in namespace: NamespaceName) async throws(NodeError) -> TranslatorStatistics? {
        try await chosen(in: namespace).statistics(in: namespace)
    }

    private func chosen(in namespace: NamespaceName) async throws(NodeError) -> any Translators {
        guard await whyNotKernel() != nil, try await kernel.statistics(in: namespace) == nil else { return kernel }
        return tayga
    }

    private func whyNotKernel() async -> NodeError? {
        if let known = obstacle.withLock({ $0 }) { return known.error }
        let error = await kernel.obstacle()
        let isNew = obstacle.withLock { known in
            defer { known = Obstacle(error: error) }
            return known == nil
        }
        if let error, isNew {
            Logger(label: "kc.node").notice(
                "gateways translate with tayga, since the kernel's translator cannot be loaded",
                metadata: ["reason": "\(error)"])
        }
        return error
    }
}
