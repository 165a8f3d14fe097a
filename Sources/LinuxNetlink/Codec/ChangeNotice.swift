import CMnl

/// What a multicast message of the kernel says has changed, as far as KC plans by it.
enum ChangeNotice: Equatable {
    case link(index: Int32, name: String)
    /// Something at a device that the message does not name.
    case index(Int32)
    /// The way out of the namespace.
    case defaultRoute
    /// Somebody put an entry into a forwarding database, which only a look at all shows.
    case strayEntry

    /// nil for what KC does not look at: learned MACs, neighbours, routes to single places.
    init?(_ message: Message) {
        switch message.type {
        case RTM_NEWLINK, RTM_DELLINK:
            // Of family AF_BRIDGE, too: the options of a bridge's port.
            guard let header = message.header(ifinfomsg.self) else { return nil }
            for attribute in message.attributes(after: ifinfomsg.self) where attribute.type == IFLA_IFNAME {
                self = .link(index: header.ifi_index, name: attribute.text)
                return
            }
            self = .index(header.ifi_index)
        case RTM_NEWNEIGH, RTM_DELNEIGH:
            if let flood = FloodAnswer(message) {
                self = .index(flood.index)
            } else if StrayAnswer(message) != nil {
                self = .strayEntry
            } else {
                return nil
            }
        case RTM_NEWADDR, RTM_DELADDR:
            guard let address = AddressAnswer(message) else { return nil }
            self = .index(address.index)
        case RTM_NEWROUTE, RTM_DELROUTE:
            guard let route = RouteAnswer(message), route.isDefault else { return nil }
            self = .defaultRoute
        default: return nil
        }
    }
}
