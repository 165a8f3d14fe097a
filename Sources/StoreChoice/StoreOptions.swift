import ArgumentParser
import EtcdStore
import FoundationEssentials
package import Logging
package import Persistence
package import Resources
import SQLiteStore

/// Layer 7, a part of programs. Which store a server serves, as its command line says. Must not know what is kept in it.
package struct StoreOptions: ParsableArguments {
    package enum Kind: String, ExpressibleByArgument, CaseIterable {
        case sqlite
        case etcd
    }

    package init() {}

    @Option(help: "sqlite: a file of this machine; etcd: a cluster, for any number of servers.")
    package var store = Kind.sqlite

    @Option(
        help: ArgumentHelp(
            "The client address of a member of etcd, https://HOST:2379 or http://[::1]:2379; repeated for each.",
            valueName: "url"))
    var etcd: [String] = []

    @Option(
        help: ArgumentHelp(
            "What every key in etcd begins with, when it also serves others. (default: /kc, or /kc-compute)",
            valueName: "prefix"))
    var etcdPrefix: String?

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

    package func validate() throws {
        guard store == .etcd else {
            guard etcd.isEmpty, etcdPrefix == nil, etcdUser == nil, etcdCA == nil, etcdCert == nil, etcdKey == nil
            else {
                throw ValidationError("--etcd… are for --store etcd")
            }
            return
        }
        _ = try options("/kc", password: etcdPasswordFile == nil ? nil : "")
    }

    private func options(_ prefix: String) throws -> EtcdOptions {
        guard let etcdPasswordFile else { return try options(prefix, password: nil) }
        let text: String
        do { text = try String(contentsOfFile: etcdPasswordFile, encoding: .utf8) } catch {
            throw ValidationError("--etcd-password-file \(etcdPasswordFile): \(error)")
        }
        let lines = text.split(whereSeparator: \.isNewline)
        guard lines.count == 1, lines[0].utf8.count <= 1024 else {
            throw ValidationError("--etcd-password-file \(etcdPasswordFile): must hold one line, the password")
        }
        return try options(prefix, password: String(lines[0]))
    }

    private func options(_ prefix: String, password: String?) throws -> EtcdOptions {
        guard (etcdUser == nil) == (password == nil) else {
            throw ValidationError("--etcd-user and --etcd-password-file need each other")
        }
        do throws(EtcdOptionError) {
            var endpoints: [EtcdEndpoint] = []
            for text in etcd { endpoints.append(try EtcdEndpoint(text)) }
            var options = try EtcdOptions(endpoints: endpoints, prefix: etcdPrefix ?? prefix)
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
    /// - Parameters:
    ///   - file: where SQLite's is.
    ///   - prefix: of keys in etcd, unless the operator says another one.
    package func open(file: String, prefix: String, _ logger: Logger) async throws -> Opened {
        switch store {
        case .sqlite:
            let store = try await SQLiteStore.open(at: file, logger: logger)
            return Opened(store: store) { await store.close() }
        case .etcd:
            let store = try await EtcdStore.open(try options(prefix), logger: logger)
            return Opened(store: store) { await store.close() }
        }
    }

    /// Ends a restore of etcd: revisions go on beyond all that were ever handed out.
    /// - Returns: where the store begins.
    package func endRestoreOfEtcd(prefix: String, _ logger: Logger) async throws -> Revision {
        let etcd = EtcdStore(try options(prefix), logger: logger)
        let result: Result<Revision, StoreError>
        do throws(StoreError) { result = .success(try await etcd.beginEra()) } catch { result = .failure(error) }
        await etcd.close()
        return try result.get()
    }

    package struct Opened {
        package var store: any Store
        package var close: @Sendable () async -> Void
    }
}
