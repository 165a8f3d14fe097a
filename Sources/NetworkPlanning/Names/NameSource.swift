package import Addressing
package import NetworkModel
package import Resources

/// What has names, with everything that its names are made of.
package enum NameSource: Hashable, Sendable {
    case attachment(NamedAttachment)
    case mapping(NamedMapping)
    case record(NamedRecord)
    /// A host with the role `dns`, by the addresses at which its name server is asked.
    case server(Name, [IPv6Address])
}

/// The labels that come before a zone's domain.
package struct AttachmentName: Hashable, Sendable {
    package var attachment: Name
    package var segment: Name
    package var project: Name

    package init(attachment: Name, segment: Name, project: Name) {
        self.attachment = attachment
        self.segment = segment
        self.project = project
    }

    /// nil where the whole would be too long.
    func within(_ domain: DomainName) -> DomainName? {
        try? domain.prepending([attachment.text, segment.text, project.text])  // too long: it has no name there
    }
}

package struct NamedAttachment: Hashable, Sendable {
    package var name: AttachmentName
    package var project: ResourceID
    /// Assigned, static and learned; link-local ones have no names.
    package var addresses: Set<IPv6Address>
    /// The prefix it routes, whose reverse names it may have others serve.
    package var delegated: IPv6Prefix?
    /// Its address inside a segment that has IPv4.
    package var ipv4: IPv4Address?
    /// Whether an IPv4 address outside stands for it: its name then means that one.
    package var isMapped: Bool

    package init(
        name: AttachmentName, project: ResourceID, addresses: Set<IPv6Address>, delegated: IPv6Prefix? = nil,
        ipv4: IPv4Address? = nil, isMapped: Bool = false
    ) {
        self.isMapped = isMapped
        self.ipv4 = ipv4
        self.name = name
        self.project = project
        self.addresses = addresses
        self.delegated = delegated
    }
}

/// An IPv4 address that stands for an attachment.
package struct NamedMapping: Hashable, Sendable {
    package var name: AttachmentName
    package var project: ResourceID
    package var address: IPv4Address

    package init(name: AttachmentName, project: ResourceID, address: IPv4Address) {
        self.name = name
        self.project = project
        self.address = address
    }
}

/// What a user wrote.
package struct NamedRecord: Hashable, Sendable {
    package var zone: ResourceID
    package var project: ResourceID
    package var owner: DomainName
    package var ttl: TimeToLive?
    /// Of one type.
    package var data: [RecordData]

    package init(
        zone: ResourceID, project: ResourceID, owner: DomainName, ttl: TimeToLive?, data: [RecordData]
    ) {
        self.zone = zone
        self.project = project
        self.owner = owner
        self.ttl = ttl
        self.data = data
    }
}

/// A zone as far as it decides what stands in it.
package struct NamedZone: Hashable, Sendable {
    package var domain: DomainName
    package var attachments: Bool
    /// Empty: all.
    package var projects: Set<ResourceID>
    package var ttl: TimeToLive
    package var nameServers: [DomainName]

    package init(
        domain: DomainName, attachments: Bool, projects: Set<ResourceID> = [], ttl: TimeToLive = .standard,
        nameServers: [DomainName] = []
    ) {
        self.domain = domain
        self.attachments = attachments
        self.projects = projects
        self.ttl = ttl
        self.nameServers = nameServers
    }

    func serves(_ project: ResourceID) -> Bool { projects.isEmpty || projects.contains(project) }
}
