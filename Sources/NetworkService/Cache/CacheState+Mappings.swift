import Addressing
import NetworkModel
import NetworkPlanning
import Resources

/// Mappings in the indexes, and on their way to the gateway that translates for them.
extension CacheState {
    mutating func indexMapping(_ old: Resource<Mapping>?, _ new: Resource<Mapping>?) {
        if let old, let attachment = old.spec.attachment.id {
            holders.ipv4[old.assigned.ipv4] = nil
            ipv4s.release(old.assigned.ipv4)
            holders.mapped[Holders.SegmentAddress(segment: old.assigned.segment, address: old.assigned.address)] = nil
            relations.mappingsOfAttachment[attachment]?.remove(old.metadata.id)
            if relations.mappingsOfAttachment[attachment]?.isEmpty == true {
                relations.mappingsOfAttachment[attachment] = nil
            }
            markGateway(of: old.assigned.segment)
        }
        if let new, let attachment = new.spec.attachment.id {
            holders.ipv4[new.assigned.ipv4] = new.metadata.id
            ipv4s.take(new.assigned.ipv4)
            let place = Holders.SegmentAddress(segment: new.assigned.segment, address: new.assigned.address)
            holders.mapped[place] = new.metadata.id
            relations.mappingsOfAttachment[attachment, default: []].insert(new.metadata.id)
            markGateway(of: new.assigned.segment)
        }
    }

    /// Keeps the gateway's own address for outgoing connections in step.
    mutating func indexOutgoing(_ old: Resource<Gateway>?, _ new: Resource<Gateway>?) {
        if let address = old?.assigned.outgoing {
            holders.ipv4[address] = nil
            ipv4s.release(address)
        }
        if let new, let address = new.assigned.outgoing {
            holders.ipv4[address] = new.metadata.id
            ipv4s.take(address)
        }
    }

    private mutating func markGateway(of segment: ResourceID) {
        guard let gateway = holders.gateway[segment] else { return }
        for host in resource(gateway, as: Gateway.self)?.carriers ?? [] {
            mark(host: host) { $0.gateways.insert(gateway) }
        }
    }

    /// What the gateway is to translate; nil when it has no part in it.
    func desiredNAT64(of gateway: Resource<Gateway>) -> DesiredNAT64? {
        guard let spec = gateway.spec.nat64 else { return nil }
        var mappings: [IPv4Address: IPv6Address] = [:]
        for segment in gateway.assigned.ports.keys {
            for attachment in relations.attachmentsOfSegment[segment, default: []] {
                for id in relations.mappingsOfAttachment[attachment, default: []] {
                    guard let mapping = resource(id, as: Mapping.self) else { continue }
                    mappings[mapping.assigned.ipv4] = mapping.assigned.address
                }
            }
        }
        return DesiredNAT64(prefix: spec.prefix, outgoing: gateway.assigned.outgoing, mappings: mappings)
    }
}
