package import Resources

/// What a compute host's agent says, and what is known when it says nothing. Kept apart from the host, without history.
package struct ComputeHostReport: Hashable, JSONCodable {
    /// Why nothing is known of a host any more.
    package struct Loss: Hashable, Sendable, JSONCodable {
        package var since: Timestamp
        package var reason: String

        package init(since: Timestamp, reason: String) {
            self.since = since
            self.reason = String(decoding: reason.utf8.prefix(Condition.maximumMessage), as: UTF8.self)
        }

        package init(json node: JSONNode, path: String) throws(FieldError) {
            var reader = try FieldReader(node, path: path)
            self.init(since: try reader.required("since"), reason: try reader.required("reason"))
            try reader.finish()
        }

        package func write(to writer: inout JSONWriter) {
            writer.object { writer in
                writer.member("since", since)
                writer.member("reason", reason)
            }
        }
    }

    package var architecture: Architecture
    package var capacity: Capacity
    /// Whether a probe has proved that KVM works; otherwise guests run by emulation.
    package var hasKVM: Bool
    /// Images whose bytes are on the host, in order of their ids.
    package var images: [ResourceID]
    /// Names of domains that are somebody else's, and are left alone; at most `maximumForeign`.
    package var foreign: [String]
    /// What keeps the host from doing what it is told, for people: the hypervisor does not answer, say. Empty when nothing.
    package var message: String
    /// Present while the host is lost.
    package var loss: Loss?

    package static let maximumForeign = 32

    package init(
        architecture: Architecture, capacity: Capacity, hasKVM: Bool, images: [ResourceID] = [],
        foreign: [String] = [], message: String = "", loss: Loss? = nil
    ) {
        self.architecture = architecture
        self.capacity = capacity
        self.hasKVM = hasKVM
        self.images = images.sorted()
        self.foreign = foreign.prefix(Self.maximumForeign).map { String(decoding: $0.utf8.prefix(128), as: UTF8.self) }
        self.message = String(decoding: message.utf8.prefix(Condition.maximumMessage), as: UTF8.self)
        self.loss = loss
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            architecture: try reader.required("architecture"), capacity: try reader.required("capacity"),
            hasKVM: try reader.required("kvm"), images: try reader.optional("images") ?? [],
            foreign: try reader.optional("foreign") ?? [], message: try reader.optional("message") ?? "",
            loss: try reader.optional("lost"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("architecture", architecture)
            writer.member("capacity", capacity)
            writer.member("kvm", hasKVM)
            if !images.isEmpty { writer.member("images", images) }
            if !foreign.isEmpty { writer.member("foreign", foreign) }
            if !message.isEmpty { writer.member("message", message) }
            writer.member("lost", loss)
        }
    }
}

/// In what state a compute host is, from all that is known of it.
package enum ComputeHostState: Hashable, Sendable, CustomStringConvertible {
    /// Takes VMs.
    case ready
    case cordoned
    /// VMs are still there.
    case draining(vms: Int)
    /// None is there any more: the machine may be taken away.
    case drained
    case lost(ComputeHostReport.Loss)
    /// It has not said anything yet.
    case unknown

    /// - Parameter vms: how many are placed there.
    package init(spec: ComputeHost.Spec, report: ComputeHostReport?, vms: Int) {
        guard let report else {
            self = .unknown
            return
        }
        if let loss = report.loss {
            self = .lost(loss)
        } else if spec.isDraining {
            self = vms == 0 ? .drained : .draining(vms: vms)
        } else {
            self = spec.isCordoned ? .cordoned : .ready
        }
    }

    package var description: String {
        switch self {
        case .ready: "ready"
        case .cordoned: "cordoned"
        case .draining(let vms): "draining, \(vms) VMs left"
        case .drained: "drained"
        case .lost(let loss): "lost since \(loss.since): \(loss.reason)"
        case .unknown: "unknown"
        }
    }
}
