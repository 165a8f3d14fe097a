import Addressing
import NetworkModel
import NetworkPlanning
import NodePorts
import NodePortsTesting

extension HostModel {
    /// Does the steps in order; the failures by position.
    mutating func apply(_ steps: some Sequence<Step>) -> [(Step, NodeError)] {
        var failures: [(Step, NodeError)] = []
        for step in steps {
            do throws(NodeError) { try apply(step.operation) } catch { failures.append((step, error)) }
        }
        return failures
    }

    mutating func apply(_ operation: Operation) throws(NodeError) {
        switch operation {
        case .link(let operation, in: let namespace): try apply(operation, in: namespace)
        case .filter(let operation): try apply([operation])
        case .createNamespace(let name): createNamespace(name, isUnfinished: true)
        case .deleteNamespace(let name): deleteNamespace(name)
        case .setForwarding(let on, in: let name): try setForwarding(on, in: name)
        case .firewall(let operation, in: let name): try apply(operation, in: name)
        case .export(let route): try export(route)
        case .withdraw(let route): withdraw(route)
        case .ensureDaemon(let spec): try ensure(spec)
        case .stopDaemon(let instance, let withdraw): stop(instance: instance, withdraw: withdraw)
        case .ensureTranslator(let spec, in: let name): try setTranslator(spec, in: name)
        case .removeTranslator(in: let name): try setTranslator(nil, in: name)
        }
    }

    /// What is not KC's on this host. Of an interface that KC has taken, nothing until it is given back.
    var foreign: [String: HostModel.Device] {
        var foreign: [String: HostModel.Device] = [:]
        for (namespace, devices) in [("", self[nil]!.devices)] + namespaces.map({ ($0.key.text, $0.value.devices) }) {
            for (name, device) in devices where !device.isUnfinished {
                let link = ObservedLink(
                    name: name, index: 0, kind: device.kind, settings: device.settings, isRunning: true)
                if DeviceMark.of(link) == nil { foreign["\(namespace)/\(name)"] = device }
            }
        }
        return foreign
    }
}
