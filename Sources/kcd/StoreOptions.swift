import ArgumentParser
import EtcdStore
import FoundationEssentials
import Logging
import Persistence
import SQLiteStore

/// Which store `kcd api` serves.
struct StoreOptions: ParsableArguments {
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case sqlite
        case etcd
    }

    @Option(help: "sqlite: a file of this machine; etcd: a cluster, for any number of servers.")
    var store = Kind.sqlite

    @Option(
        help: ArgumentHelp(
            "The client address of a member of etcd, https://HOST:2379 or http://[::1]:2379; repeated for each.",
            valueName: "url"))
    var etcd: [String] = []

    @Option(help: "What every key in etcd begins with, when it also serves others.")
    var etcdPrefix = "/kc"

    @Option(
        help: ArgumentHelp("The authorities that members are trusted by, in PEM; else the system's.", valueName: "file")
    )
    var etcdCA: String?

    @Option(help: ArgumentHelp("The certificate to show to members, in PEM.", valueName: "file"))
    var etcdCert: String?

    @Option(help: ArgumentHelp("The key of that certificate, in PEM.", valueName: "file"))
    var etcdKey: String?

    @Option(help: ArgumentHelp("The user of etcd's own authentication.", valueName: "name"))
    var etcdUser: String?

    @Option(help: ArgumentHelp("A file with that user's password, in one line.", valueName: "file"))
    var etcdPasswordFile: String?

    func validate() throws {
        guard store == .etcd else {
            guard etcd.isEmpty, etcdUser == nil, etcdCA == nil, etcdCert == nil, etcdKey == nil else {
                throw ValidationError("--etcd… are for --store etcd")
            }
            return
        }
        _ = try options(password: etcdPasswordFile == nil ? nil : "")
    }

    func options() throws -> EtcdOptions {
        guard let etcdPasswordFile else { return try options(password: nil) }
        let text: String
        do { text = try String(contentsOfFile: etcdPasswordFile, encoding: .utf8) } catch {
            throw ValidationError("--etcd-password-file \(etcdPasswordFile): \(error)")
        }
        let lines = text.split(whereSeparator: \.isNewline)
        guard lines.count == 1, lines[0].utf8.count <= 1024 else {
            throw ValidationError("--etcd-password-file \(etcdPasswordFile): must hold one line, the password")
        }
        return try options(password: String(lines[0]))
    }

    private func options(password: String?) throws -> EtcdOptions {
        guard (etcdUser == nil) == (password == nil) else {
            throw ValidationError("--etcd-user and --etcd-password-file need each other")
        }
        do throws(EtcdOptionError) {
            var endpoints: [EtcdEndpoint] = []
            for text in etcd { endpoints.append(try EtcdEndpoint(text)) }
            var options = try EtcdOptions(endpoints: endpoints, prefix: etcdPrefix)
            if etcdCA != nil || etcdCert != nil || etcdKey != nil {
                try options.useTLS(authority: etcdCA, certificate: etcdCert, key: etcdKey)
            }
            if let etcdUser, let password { options.user = EtcdOptions.User(name: etcdUser, password: password) }
            return options
        } catch {
            throw ValidationError("--etcd: \(error)")
        }
    }

    /// The store, once it answers, and what closes it.
    func open(_ directories: StateDirectories, _ logger: Logger) async throws -> Opened {
        switch store {
        case .sqlite:
            let store = try await SQLiteStore.open(at: directories.store, logger: logger)
            return Opened(store: store) { await store.close() }
        case .etcd:
            let store = EtcdStore(try options(), logger: logger)
            try await Self.wait(for: store, logger)
            return Opened(store: store) { await store.close() }
        }
    }

    struct Opened {
        var store: any Store
        var close: @Sendable () async -> Void
    }

    /// A cluster may come up after its servers, or be without a majority for a while: nothing is gained by giving up.
    private static func wait(for store: EtcdStore, _ logger: Logger) async throws {
        while true {
            do throws(StoreError) {
                if try await !store.takesLargeTransactions() {
                    logger.warning("large batches will be refused: start etcd with --max-txn-ops 20000")
                }
                return
            } catch {
                logger.error("etcd does not serve yet", metadata: ["reason": "\(error)"])
            }
            try await Task.sleep(for: .seconds(1))
        }
    }
}
