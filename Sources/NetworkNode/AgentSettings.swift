/// The agent's times. The defaults are the product's; tests make them short.
package struct AgentSettings: Hashable, Sendable {
    /// How often everything is compared, whatever events said. A full look at 3,000 ports costs well under a second.
    package var fullComparison = Duration.seconds(10)
    /// How often is looked again at what waits for something outside KC, and into gateway namespaces, whose devices
    /// send this namespace no events.
    package var recheck = Duration.seconds(1)
    /// For so long after the agent changed a device, an event about it is taken for the echo of that change and looked
    /// at only when the time is over: the hot path does not look twice, drift is still repaired within a second.
    package var echo = Duration.milliseconds(250)
    /// The wait after a subject's first failed step, doubled after each further one up to `longestRetry`.
    package var firstRetry = Duration.milliseconds(200)
    package var longestRetry = Duration.seconds(30)
    /// The same for the connection to the API.
    package var firstReconnect = Duration.milliseconds(100)
    package var longestReconnect = Duration.seconds(10)
    /// A lease is believed for 10 s: one lost renewal does not matter.
    package var lease = Duration.seconds(3)
    /// For so long the stream of what is desired may lack a revision that a renewal of the lease has told of; then the
    /// agent connects anew.
    package var deafness = Duration.seconds(6)
    /// The least time between two writes of the snapshot to disk.
    package var snapshot = Duration.seconds(1)
    /// How long after a write of the snapshot that failed it is tried again.
    package var snapshotRetry = Duration.seconds(5)
    /// The least time between two writes of the status file; it is written at least every third such time.
    package var status = Duration.seconds(1)
    /// How many bridges, VXLAN devices or namespaces are deleted in a turn in which nothing else waits (17 ms and more
    /// each): so long may a new port have to wait.
    package var slowDeletions = 2

    /// When learned addresses give way.
    package var bindings = BindingTable.Settings()
    /// How often is looked which learned addresses are in use, and which are too old. Less than the packet filter
    /// remembers (300 s).
    package var ageing = Duration.seconds(60)
    /// The least time between two lists of learned addresses of a segment; the API refuses faster ones.
    package var publication = Duration.seconds(1)

    /// How often drops are counted and the metrics file is written.
    package var metrics = Duration.seconds(5)

    /// How often the name server is asked how it is.
    package var names = Duration.seconds(1)

    package init() {}
}
