/// Makes the verdict about a way.
package struct PathJudge: Sendable {
    let world: PathWorld

    package init(_ world: PathWorld) { self.world = world }

    /// What a layer comes to when those before it are right.
    enum Finding {
        case ok([Evidence])
        case fail(PathFault, [Evidence] = [])
        /// Not on this way, or not to be told from what is known.
        case skip(String)
    }

    /// nil while agents may still answer.
    package var verdict: PathVerdict? {
        guard isComplete else { return nil }
        var layers: [PathVerdict.Layer] = []
        var fault: PathFault?
        for layer in layersOfWay {
            if let fault {
                layers.append(
                    .init(layer, .skip, [Evidence("needs the layer \(fault.layer.rawValue)", for: .project)]))
                continue
            }
            switch finding(layer) {
            case .ok(let evidence): layers.append(.init(layer, .ok, evidence))
            case .skip(let reason): layers.append(.init(layer, .skip, [Evidence(reason)]))
            case .fail(let found, let evidence):
                fault = found
                layers.append(.init(layer, .fail, [Evidence(found.text)] + evidence))
            }
        }
        return PathVerdict(layers: layers, fault: fault)
    }

    private var layersOfWay: [PathLayer] {
        var services: Set<PathLayer> = []
        if world.router != nil { services.insert(.router) }
        if world.resolver != nil { services.insert(.names) }
        return PathLayer.all(throughGateway: world.gateway != nil, served: services)
    }

    /// The verdict for two ends that no measurement can bring together.
    package static func refusal(_ component: String, _ text: String, mend: String) -> PathVerdict {
        let fault = PathFault(.intent, component, text, mend: mend)
        return PathVerdict(
            layers: PathLayer.all(throughGateway: false).map { layer in
                layer == .intent
                    ? .init(.intent, .fail, [Evidence(text, for: .project)])
                    : .init(layer, .skip, [Evidence("needs the layer intent", for: .project)])
            }, fault: fault)
    }

    private var isComplete: Bool {
        world.elapsed >= PathWorld.patience
            || world.hosts.allSatisfy { host in
                switch host.answer {
                case .none: world.elapsed >= PathWorld.acknowledgement && !isHoped(for: host)
                case .measuring: false
                case .failed, .done: true
                }
            }
    }

    /// Whether an agent that has not acknowledged may still show that it lives, and only does not hear.
    private func isHoped(for host: PathWorld.Host) -> Bool {
        guard let heard = host.heard else { return false }
        return heard > world.elapsed && heard < PathWorld.renewal
    }

    private func finding(_ layer: PathLayer) -> Finding {
        switch layer {
        case .intent: intent
        case .agents: agents
        // Of a silent host's devices nothing is known.
        case .underlay: world.isLocal ? .skip("both ends are on \(world.from.host.name)") : underlay
        case .mtu: world.isLocal ? .skip("both ends are on \(world.from.host.name)") : mtu
        case .gateway: gateway
        case .devices: devices
        case .vxlan: betweenHosts { vxlan($0) }
        case .multicast: betweenHosts { multicast($0) }
        case .guards: passage
        case .router: router
        case .guest: guests
        case .data: data
        case .beyond: beyond
        case .names: names
        }
    }

    private func betweenHosts(_ judge: (PathWorld.Segment) -> Finding) -> Finding {
        if world.isLocal { return .skip("both ends are on \(world.from.host.name)") }
        guard let segment = world.segment else { return .skip("no segment between hosts") }
        return judge(segment)
    }

    /// Both directions: who sends, who hears.
    var directions: [(sender: PathWorld.Host, receiver: PathWorld.Host)] {
        [(world.from.host, world.to.host), (world.to.host, world.from.host)]
    }
}
