/// How many connections the server has at a time: on all its TCP listeners together, and as many again on its Unix socket.
package struct ConnectionLimits: Hashable, Sendable {
    /// In all. Default 16,384: 10,000 that say nothing leave room for others, until their time is over.
    package var all: Int
    /// From one network (an IPv4 address, the /64 of an IPv6 one), or of one user of the Unix socket; 0 for any number.
    /// Default 4,096: agents of a thousand hosts may stand in one /64.
    package var perNetwork: Int
    /// Whether loopback and root's connections to the Unix socket count as a network's. They do not: who has the server's own
    /// machine can do worse than connect. A test has no other addresses.
    package var countsOwnMachine: Bool

    package init(all: Int = 16_384, perNetwork: Int = 4096, countsOwnMachine: Bool = false) {
        self.all = all
        self.perNetwork = perNetwork
        self.countsOwnMachine = countsOwnMachine
    }

    /// Of those in all, connections on which nobody was let in yet, from networks where nobody ever was.
    var strangers: Int { max(1, all / 4 * 3) }
    /// Of those from one network, connections on which nobody was let in yet.
    var strangersPerNetwork: Int { max(1, perNetwork / 4) }
}
