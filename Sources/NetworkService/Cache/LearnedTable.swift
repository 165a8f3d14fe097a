import Addressing
import NetworkModel
import Resources

/// Which addresses hosts have learned on their ports.
struct LearnedTable {
    /// What one host says about one segment, with the revision of its key.
    struct List {
        var addresses = LearnedAddresses()
        var revision: Revision
    }

    struct Holder: Hashable {
        var attachment: ResourceID
        var host: ResourceID
        /// The revision in which it appeared here.
        var since: Revision
    }

    struct Place: Hashable {
        var segment: ResourceID
        var host: ResourceID
    }

    private(set) var lists: [Place: List] = [:]
    private(set) var holders: [Holders.SegmentAddress: Holder] = [:]
    /// By attachment.
    private(set) var addresses: [ResourceID: Set<IPv6Address>] = [:]

    /// Puts a list in the place of the one before (nil: none).
    /// - Returns: the addresses whose holder changed, and the attachments.
    mutating func replace(_ place: Place, with list: LearnedAddresses?, at revision: Revision) -> (
        addresses: Set<IPv6Address>, attachments: Set<ResourceID>
    ) {
        let old = lists[place]?.addresses.addresses ?? [:]
        let new = list?.addresses ?? [:]
        lists[place] = list.map { List(addresses: $0, revision: revision) }
        var changed: Set<IPv6Address> = []
        var attachments: Set<ResourceID> = []
        for (attachment, list) in old {
            for address in list.subtracting(new[attachment, default: []]) {
                let key = Holders.SegmentAddress(segment: place.segment, address: address)
                if let holder = holders[key], holder.attachment == attachment, holder.host == place.host {
                    holders[key] = nil
                }
                // Otherwise it went to another host with its attachment, whose list came first.
                if holders[key]?.attachment != attachment {
                    addresses[attachment]?.remove(address)
                    if addresses[attachment]?.isEmpty == true { addresses[attachment] = nil }
                }
                changed.insert(address)
                attachments.insert(attachment)
            }
        }
        for (attachment, list) in new {
            for address in list.subtracting(old[attachment, default: []]) {
                let key = Holders.SegmentAddress(segment: place.segment, address: address)
                holders[key] = Holder(attachment: attachment, host: place.host, since: revision)
                addresses[attachment, default: []].insert(address)
                changed.insert(address)
                attachments.insert(attachment)
            }
        }
        return (changed, attachments)
    }
}
