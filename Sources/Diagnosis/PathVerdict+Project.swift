import NetworkModel

extension PathVerdict {
    /// What whoever has the project alone may read of it: the layers with their states, what was seen of the project's own
    /// things, and a fault only as far as it is his to mend. Names no host, tunnel endpoint, VNI, group or device.
    package var forProject: PathVerdict {
        let fault = fault.map(\.forProject)
        let layers = layers.map { layer -> Layer in
            var evidence = layer.evidence.filter { $0.audience == .project }
            if layer.state == .fail, let fault, evidence.isEmpty { evidence = [Evidence(fault.text, for: .project)] }
            return Layer(layer.layer, layer.state, evidence)
        }
        return PathVerdict(layers: layers, fault: fault)
    }
}

extension PathFault {
    /// The same without what is the operator's alone.
    fileprivate var forProject: PathFault {
        switch layer {
        case .intent, .guest:
            return PathFault(layer, component, text, mend: mend)
        case .guards:
            // The name of a reason, with words that say what a guest may do about it. Anything else is a filter on a host.
            guard let reason = DropExplanation(rawValue: component) else { break }
            return PathFault(layer, component, text, mend: reason.advice)
        default: break
        }
        return PathFault(
            layer, "network", "what is broken is not the project's: the network below the segment, or the gateway",
            mend: "tell the operator the layer (\(layer.rawValue)) and when it was seen")
    }
}
