import ComputeModel
import ComputePorts
import ComputeService
import HostState
import Logging
import Persistence
import Resources
import Synchronization

/// Fetches the images that are said to be elsewhere, a few at a time, and says how far they are. What was cut is gone on with,
/// also after a restart; what is deleted is left.
struct ImageFetching: Sendable {
    let service: ComputeService
    let intake: ImageIntake
    let origin: any ImageOrigin
    let logger: Logger
    let settings: Settings

    struct Settings: Sendable {
        /// At the same time.
        var lanes = 3
        /// How often one that fails is tried; then it is refused.
        var tries = 8
        var firstWait = Duration.seconds(2)
        var longestWait = Duration.seconds(120)
        /// Until it is looked whether another server goes on with it.
        var turn = Duration.seconds(5)
        /// Between two words on how far it is.
        var news = Duration.seconds(2)

        init() {}
    }

    /// Ends with the cache's streams, or by cancellation.
    func keep() async {
        let running = Running(lanes: settings.lanes)
        // Whatever happened meanwhile, it is looked once.
        let (news, told) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await _ in service.cache.signals() { told.yield() }
                told.finish()
            }
            for await _ in news {
                for id in service.cache.imagesElsewhere where running.begin(id) {
                    group.addTask {
                        await fetch(id)
                        running.end(id)
                        told.yield()
                    }
                }
            }
            group.cancelAll()
        }
    }

    /// The images that are being fetched.
    private final class Running: Sendable {
        private let lanes: Int
        private let images = Mutex<Set<ResourceID>>([])

        init(lanes: Int) { self.lanes = lanes }

        /// False when it is being fetched already, or as many as may be are.
        func begin(_ id: ResourceID) -> Bool {
            images.withLock { $0.count < lanes && $0.insert(id).inserted }
        }

        func end(_ id: ResourceID) { images.withLock { _ = $0.remove(id) } }
    }

    /// Until it is there, refused, or gone.
    private func fetch(_ id: ResourceID) async {
        var backoff = Backoff<Int>(first: settings.firstWait, limit: settings.longestWait)
        var count = 0
        while !Task.isCancelled {
            let cause: String
            do {
                try await attempt(id)
                return
            } catch is CancellationError { return } catch is Gone { return } catch let error as ImageOriginError
                where error.code == .refused
            {
                await forget(id)
                await say(id, ImageReport(state: .refused, received: 0, message: error.description))
                return
            } catch let error as Problem where error.code == .conflict {
                // Another server brings it too, and was faster.
                // The only error of a sleep is cancellation.
                do { try await Task.sleep(for: settings.turn) } catch { return }
                continue
            } catch let error as Problem where error.code != .unavailable && error.code != .storeFull {
                // What came is not what the record says: the intake has said so.
                if service.cache.images[id]??.state != .refused {
                    await say(id, ImageReport(state: .refused, received: 0, message: "\(error)"))
                }
                return
            } catch { cause = "\(error)" }
            count += 1
            logger.notice("an image cannot be fetched", metadata: ["image": "\(id)", "reason": "\(cause)"])
            guard count < settings.tries else {
                await forget(id)
                let message = "\(cause): tried \(count) times; delete it and create it anew to try again"
                await say(id, ImageReport(state: .refused, received: 0, message: message))
                return
            }
            let received = (try? await intake.stored(id))?.received ?? 0  // Only to say it.
            await say(
                id,
                ImageReport(
                    state: .uploading, received: received,
                    message: "\(cause); tried again, \(count) of \(settings.tries)"))
            let now = ContinuousClock.now
            backoff.failed(0, at: now, jitter: .random(in: 0...1))
            // The only error of a sleep is cancellation.
            do { try await Task.sleep(until: backoff.nextDue(after: now) ?? now, clock: .continuous) } catch { return }
        }
    }

    /// Its record is not there any more.
    private struct Gone: Error {}

    private func attempt(_ id: ResourceID) async throws {
        guard let (item, address) = service.cache.elsewhere(id) else { throw Gone() }
        let spec = try service.imageSpec(item)
        let begun = try await intake.begin(item)
        guard begun < spec.size else {
            _ = try await intake.finish(item)
            return
        }
        let news = News(settings.news)
        do {
            try await origin.fetch(address, from: begun, size: spec.size) { piece, offset in
                // Deleted meanwhile: nobody wants the rest.
                guard service.cache.elsewhere(id) != nil else { throw Gone() }
                let upload = try await intake.append(piece, to: item, at: offset)
                if upload.state == .uploading, await news.isDue() {
                    await say(id, ImageReport(state: .uploading, received: upload.received))
                }
            }
        } catch let error as ImageOriginError where error.code == .startAgain {
            try await intake.forget(id)
            throw error
        }
    }

    /// Takes away what came of an image that will never be whole.
    private func forget(_ id: ResourceID) async {
        do { try await intake.forget(id) } catch {
            // It goes with its record.
            logger.warning(
                "what came of an image cannot be removed", metadata: ["image": "\(id)", "reason": "\(error)"])
        }
    }

    private func say(_ id: ResourceID, _ report: ImageReport) async {
        do { _ = try await service.report(report, of: id) } catch {
            // It is gone, or the store is away: then it is said with the next news.
            logger.debug("cannot say how far an image is", metadata: ["image": "\(id)", "reason": "\(error)"])
        }
    }

    /// When something was said last.
    private actor News {
        private let interval: Duration
        private var last = ContinuousClock.now

        init(_ interval: Duration) { self.interval = interval }

        func isDue() -> Bool {
            guard last + interval <= .now else { return false }
            last = .now
            return true
        }
    }
}
