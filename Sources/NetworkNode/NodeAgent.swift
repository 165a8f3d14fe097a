package import Logging
import NetworkModel
import NodePorts
import ServiceLifecycle
import Synchronization

/// Layer 6. The node agent: takes what the API wants of this host, makes it so through the ports of `NodePorts`, and
/// says what it found. It decides nothing (that is `NetworkPlanning`) and knows no kernel interface and no HTTP.
///
/// One level-triggered loop: updates, kernel events, daemons and clocks only say where to look again. When it ends, in
/// whatever way, the data path stays as it is; the next agent adopts it.
package struct NodeAgent: Service, CustomStringConvertible {
    private let ports: HostPorts
    private let source: any DesiredSource
    private let sink: any ReportSink & BindingSink & ProbeSink
    private let files: AgentFiles
    private let settings: AgentSettings
    private let facts: HostFacts
    private let probe: @Sendable () async -> [String: String]
    private let turned: @Sendable (Bool) -> Void
    private let endpoint: String
    private let logger: Logger

    /// - Parameters:
    ///   - endpoint: where `source` leads, for people.
    ///   - probe: finds out what the host can do, by name, for its report; asked once, after the first comparison.
    ///   - turned: called after each turn of the loop, so at least as often as everything is compared; says whether the
    ///     host has been brought to the last snapshot, or there is none.
    package init(
        ports: HostPorts, source: any DesiredSource, sink: any ReportSink & BindingSink & ProbeSink, files: AgentFiles,
        settings: AgentSettings, facts: HostFacts, endpoint: String, logger: Logger,
        probe: @escaping @Sendable () async -> [String: String] = { [:] },
        turned: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        self.ports = ports
        self.source = source
        self.sink = sink
        self.files = files
        self.settings = settings
        self.facts = facts
        self.endpoint = endpoint
        self.logger = logger
        self.probe = probe
        self.turned = turned
    }

    /// In a few words, so that nobody makes a name for it by looking through all that it holds.
    package var description: String { "node agent" }

    /// Runs until cancelled or gracefully shut down.
    package func run() async throws {
        try await cancelWhenGracefulShutdown { try await work() }
    }

    private func work() async throws {
        let begun = ContinuousClock.now
        var convergence = Convergence(ports, settings: settings, facts: facts, logger: logger)
        let inbox = Inbox()
        let outbox = Outbox(
            sink, firstWait: settings.firstReconnect, longestWait: settings.longestReconnect, logger: logger)
        let board = StatusBoard(endpoint: endpoint, facts: facts)
        let learned = BindingOutbox(sink, interval: settings.publication, logger: logger)
        let drops = DropWatch(ports, sink, interval: settings.publication, logger: logger)
        let answers = GatewayAnswers(ports, sink, logger: logger)
        let paths = PathAnswers(ports, sink, logger: logger)
        let captures = CaptureAnswers(ports, sink, logger: logger)
        let names = NameKeeper(ports, interval: settings.names, logger: logger)
        let metrics = MetricsBoard()
        let keeper = SnapshotKeeper(files, retry: settings.snapshotRetry)
        // Before the first look, so that nothing happens unseen in between.
        let links = ports.links.events()
        let filter = ports.filter.events()
        let daemons = ports.daemons.events()
        let observer = convergence.observer
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await Self.listen(links, filter, daemons, inbox) }
            // While the host is looked at for the first time.
            group.addTask {
                let kept = Inbox.Kept(snapshot: try await keeper.load(logger))
                inbox.post { $0.kept = kept }
            }
            group.addTask { await outbox.run() }
            group.addTask {
                await learned.run { segment, refused in
                    inbox.post { $0.refusedAddresses.append((segment, refused)) }
                }
            }
            group.addTask { await listenToClaims(inbox) }
            group.addTask { await drops.run() }
            group.addTask { await answers.run() }
            group.addTask { await captures.run() }
            group.addTask { await names.run { outbox.say($0) } }
            group.addTask { await countInGateways(metrics) }
            group.addTask { await watchAddresses(inbox) }
            group.addTask { await metrics.run(files, every: settings.metrics, logger) }
            group.addTask { await compareRegularly(inbox) }
            group.addTask { await keeper.run(board, logger) }
            group.addTask { await board.run(files, every: settings.status, logger) }
            var alarm: ContinuousClock.Instant?
            var gate = HostGate(logger: logger)
            var isLeasing = false
            let hearing = StreamHearing(patience: settings.deafness)
            var isFollowing = false
            var isProbing = false
            for await _ in inbox.wakeups {
                var content = inbox.take()
                gate.pass(&content, known: convergence.snapshot?.host, outbox, board)
                learned.set(isOpen: gate.isAccepted)
                if gate.isAccepted, !isLeasing {
                    isLeasing = true
                    group.addTask { await renewLease(board, hearing) }
                }
                let result = await convergence.turn(content, begun: begun)
                if let wanted = result.survey {
                    group.addTask {
                        let result = await observer.survey(wanted: wanted)
                        inbox.post { $0.survey = result }
                    }
                }
                outbox.say(result.reports)
                if await convergence.verify() { inbox.wake() }
                for (segment, list) in convergence.takePublications() { learned.say(list, of: segment) }
                let objections = convergence.takeObjections()
                let announcements = convergence.takeAnnouncements()
                if !announcements.isEmpty { group.addTask { await announce(announcements) } }
                if !objections.isEmpty { group.addTask { await object(objections) } }
                if !isFollowing, convergence.hasBegun {
                    // Not before, since what it costs would only hold up the host's own state.
                    isFollowing = true
                    group.addTask { await follow(inbox, hearing) }
                }
                if !isProbing, convergence.hasCompared {
                    // What looks at all devices by itself would have the kernel's lock, and the comparison would wait.
                    isProbing = true
                    group.addTask { await paths.run() }
                    group.addTask { await countDrops(inbox) }
                    // It makes devices, and has the kernel verify programs for tenths of a second.
                    group.addTask {
                        let found = await probe()
                        if !found.isEmpty { inbox.post { $0.capabilities = found } }
                    }
                }
                turned(convergence.hasBegun)
                board.post(convergence, hasUnsentReports: !outbox.isEmpty)
                metrics.post(convergence, content.dropCounts, isConnected: gate.isAccepted)
                if let snapshot = convergence.snapshot {
                    drops.want(snapshot)
                    answers.want(snapshot)
                    paths.want(snapshot)
                    captures.want(snapshot)
                    names.want(snapshot)
                }
                var next = result.nextWake
                if convergence.isUnsaved, let snapshot = convergence.snapshot {
                    if keeper.isDue(after: settings.snapshot) {
                        keeper.keep(snapshot)
                        convergence.isUnsaved = false
                    } else {
                        next = min(next ?? keeper.due(after: settings.snapshot), keeper.due(after: settings.snapshot))
                    }
                }
                let now = ContinuousClock.now
                if let old = alarm, old <= now { alarm = nil }
                if let next, alarm.map({ next < $0 }) ?? true {
                    alarm = next
                    group.addTask {
                        // Cancelled with the group; then nobody waits for the wake.
                        do { try await Task.sleep(until: next, clock: .continuous) } catch { return }
                        inbox.wake()
                    }
                }
            }
            group.cancelAll()
        }
        if convergence.isUnsaved, let snapshot = convergence.snapshot { keeper.keep(snapshot) }
        await keeper.flush(logger)
        logger.info("the agent ends; the data path stays as it is")
    }

    /// Everything the ports see becomes a hint.
    private static func listen(
        _ links: AsyncStream<LinkEvent>, _ filter: AsyncStream<Void>, _ daemons: AsyncStream<Void>, _ inbox: Inbox
    ) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await event in links {
                    inbox.post { content in
                        switch event {
                        case .link(let name): content.events.links.insert(name)
                        case .everything: content.events.everything = true
                        }
                    }
                }
            }
            group.addTask { for await _ in filter { inbox.post { $0.events.filter = true } } }
            group.addTask { for await _ in daemons { inbox.post { $0.events.daemons = true } } }
        }
    }

    private func listenToClaims(_ inbox: Inbox) async {
        await ClaimListener(log: ports.packets, inbox: inbox, retry: settings.longestReconnect / 10, logger: logger)
            .run()
    }

    private func object(_ objections: [Objection]) async {
        for objection in objections {
            do throws(NodeError) { try await ports.frames.send(objection.frame, by: objection.port) } catch {
                // The port is gone, and its guest with it.
                logger.debug("a claim was not answered", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func announce(_ announcements: [RouterAnnouncement]) async {
        await RouterAnnouncement.repeatedly(announcements, by: ports.frames, logger)
    }

    private func watchAddresses(_ inbox: Inbox) async {
        while !Task.isCancelled {
            // The only error of a sleep is cancellation.
            do { try await Task.sleep(for: settings.ageing) } catch { return }
            do throws(NodeError) {
                let seen = try await ports.records.seenSources()
                inbox.post { $0.seen = seen }
            } catch {
                logger.debug("addresses in use cannot be read", metadata: ["reason": "\(error)"])
            }
        }
    }

    private func countDrops(_ inbox: Inbox) async {
        while !Task.isCancelled {
            do throws(NodeError) {
                let counts = try await ports.droppedFrames()
                inbox.post { $0.dropCounts = counts }
            } catch {
                // The ruleset is being made anew; what is wrong with it the turns say.
                logger.debug("drops cannot be counted", metadata: ["reason": "\(error)"])
            }
            // The only error of a sleep is cancellation.
            do { try await Task.sleep(for: settings.metrics) } catch { return }
        }
    }

    private func countInGateways(_ metrics: MetricsBoard) async {
        while !Task.isCancelled {
            // The only error of a sleep is cancellation.
            do { try await Task.sleep(for: settings.metrics) } catch { return }
            for gateway in metrics.carried {
                do throws(NodeError) {
                    metrics.post(try await ports.firewalls.drops(in: .gateway(gateway)), of: gateway)
                } catch {
                    logger.debug("a gateway's drops cannot be counted", metadata: ["reason": "\(error)"])
                }
            }
            for gateway in metrics.translating {
                do throws(NodeError) {
                    metrics.post(try await ports.translators.statistics(in: .gateway(gateway)), of: gateway)
                } catch {
                    // Its namespace is not there yet, or no longer; what is wrong with it the turns say.
                    logger.debug("translations cannot be counted", metadata: ["reason": "\(error)"])
                }
            }
        }
    }

    private func follow(_ inbox: Inbox, _ hearing: StreamHearing) async {
        let feed = DesiredFeed(
            source: source, hearing: hearing, firstWait: settings.firstReconnect,
            longestWait: settings.longestReconnect, logger: logger
        ) { event in inbox.post { $0.upstream.append(event) } }
        await feed.run()
    }

    /// Only while the API speaks of this host: a foreign one must not live by this machine.
    private func renewLease(_ board: StatusBoard, _ hearing: StreamHearing) async {
        while !Task.isCancelled {
            if board.isConnected {
                do { if let revision = try await sink.renewLease() { hearing.learn(revision) } } catch {
                    // The feed says when the API is away; one lost renewal is not worth a word to people.
                    logger.debug("the lease was not renewed", metadata: ["reason": "\(error)"])
                }
            }
            // The only error of a sleep is cancellation, which the condition sees.
            do { try await Task.sleep(for: settings.lease) } catch {}
        }
    }

    private func compareRegularly(_ inbox: Inbox) async {
        while !Task.isCancelled {
            // The only error of a sleep is cancellation.
            do { try await Task.sleep(for: settings.fullComparison) } catch { return }
            inbox.post { $0.demands.everything = true }
        }
    }
}
