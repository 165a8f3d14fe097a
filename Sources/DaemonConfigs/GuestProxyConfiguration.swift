package import Addressing

/// What kc-proxy of one gateway is given: where it listens, to whom it hands connections on, and which attachment has
/// which address.
///
/// A line each, and nothing but values of types with an alphabet of their own:
///
///     service ID PORT CONNECTIONS unix:PATH|[ADDRESS]:PORT
///     listen INTERFACE ADDRESS
///     guest INTERFACE ADDRESS ID
package struct GuestProxyConfiguration: Hashable, Sendable {
    /// A resource's id in its 36 characters (RFC 9562 section 4).
    package struct Identifier: Hashable, Sendable, CustomStringConvertible {
        package let description: String

        /// nil for anything else.
        package init?(_ text: String) {
            let isHex: (UInt8) -> Bool = { (48...57).contains($0) || (97...102).contains($0) }
            let bytes = Array(text.utf8)
            guard bytes.count == 36,
                bytes.indices.allSatisfy({ [8, 13, 18, 23].contains($0) ? bytes[$0] == 45 : isHex(bytes[$0]) })
            else { return nil }
            description = text
        }
    }

    package enum Consumer: Hashable, Sendable, CustomStringConvertible {
        case socket(ConfigurationPath)
        case server(IPv6Address, port: UInt16)

        package var description: String {
            switch self {
            case .socket(let path): "unix:\(path)"
            case .server(let address, let port): "[\(address)]:\(port)"
            }
        }
    }

    package struct Service: Hashable, Sendable {
        package var id: Identifier
        /// 1 to 65535.
        package var port: UInt16
        /// Of one guest at a time.
        package var connections: Int
        package var consumer: Consumer

        package init(id: Identifier, port: UInt16, connections: Int, consumer: Consumer) {
            self.id = id
            self.port = port
            self.connections = connections
            self.consumer = consumer
        }
    }

    /// A place on one link.
    package struct Place: Hashable, Sendable, Comparable, CustomStringConvertible {
        package var interface: InterfaceName
        package var address: IPv6Address

        package init(_ interface: InterfaceName, _ address: IPv6Address) {
            self.interface = interface
            self.address = address
        }

        package var description: String { "\(interface) \(address)" }

        package static func < (left: Place, right: Place) -> Bool {
            (left.interface, left.address) < (right.interface, right.address)
        }
    }

    package var services: [Service]
    /// Every service is offered at each.
    package var places: Set<Place>
    /// Who has an address there.
    package var guests: [Place: Identifier]

    package init(services: [Service] = [], places: Set<Place> = [], guests: [Place: Identifier] = [:]) {
        self.services = services
        self.places = places
        self.guests = guests
    }

    /// What it says until it has looked for the consumer of each service.
    package static let unsettled = "its consumer is being looked for"

    /// The services of a text made here, as they stand there.
    package static func services(of text: String) -> [Substring] {
        text.split(separator: "\n").prefix { $0.hasPrefix("service ") }
    }

    /// Where it is asked, in the directory it runs in.
    package static let controlSocket = "control"

    /// The whole file; equal values give equal text.
    package var text: String {
        var lines = services.sorted { $0.id.description < $1.id.description }.map {
            "service \($0.id) \($0.port) \($0.connections) \($0.consumer)\n"
        }
        lines += places.sorted().map { "listen \($0)\n" }
        lines += guests.sorted { $0.key < $1.key }.map { "guest \($0.key) \($0.value)\n" }
        return lines.joined()
    }
}

/// A line that is none of the three kinds.
package struct GuestProxyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// From 1.
    package var line: Int

    package init(line: Int) { self.line = line }

    package var description: String { "line \(line) is no service, place or guest" }
}

extension GuestProxyConfiguration {
    /// Reads what `text` writes.
    package init(parsing text: String) throws(GuestProxyError) {
        self.init()
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty {
            let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            guard take(words) else { throw GuestProxyError(line: index + 1) }
        }
    }

    private mutating func take(_ words: [String]) -> Bool {
        switch (words.first, words.count) {
        case ("service", 5):
            guard let id = Identifier(words[1]), let port = UInt16(words[2]), port > 0, let limit = Int(words[3]),
                limit > 0, let consumer = Consumer(words[4])
            else { return false }
            services.append(Service(id: id, port: port, connections: limit, consumer: consumer))
        case ("listen", 3):
            guard let place = Place(words[1], words[2]) else { return false }
            places.insert(place)
        case ("guest", 4):
            guard let place = Place(words[1], words[2]), let id = Identifier(words[3]) else { return false }
            guests[place] = id
        default: return false
        }
        return true
    }
}

extension GuestProxyConfiguration.Consumer {
    fileprivate init?(_ text: String) {
        if text.hasPrefix("unix:") {
            guard let path = ConfigurationPath(String(text.dropFirst(5))) else { return nil }
            self = .socket(path)
            return
        }
        let parts = text.dropFirst().split(separator: "]", maxSplits: 1, omittingEmptySubsequences: false)
        guard text.hasPrefix("["), parts.count == 2, parts[1].first == ":", let address = IPv6Address(String(parts[0])),
            let port = UInt16(parts[1].dropFirst()), port > 0
        else { return nil }
        self = .server(address, port: port)
    }
}

extension GuestProxyConfiguration.Place {
    fileprivate init?(_ interface: String, _ address: String) {
        // A text that is no name of an interface is no place.
        guard let address = IPv6Address(address), let interface = try? InterfaceName(interface) else { return nil }
        self.init(interface, address)
    }
}
