import GRDB
import Persistence

extension StoreError {
    /// What an SQLite result means to a caller of the store.
    init(sqlite error: any Error, operation: String) {
        switch error {
        case let error as StoreError:
            self = error
        case is CancellationError:
            self.init(.unavailable, operation: operation, cause: "cancelled by the caller")
        case let error as DatabaseError:
            let text = "\(error.message ?? "no message") (SQLite result \(error.extendedResultCode.rawValue))"
            switch error.resultCode {
            case .SQLITE_FULL:
                self.init(.full, operation: operation, cause: "no space left for the store's files: \(text)")
            // The index of the write-ahead log could not grow: that comes before any write.
            case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_SHMSIZE:
                self.init(.full, operation: operation, cause: "no space left for the store's files: \(text)")
            case .SQLITE_CORRUPT, .SQLITE_NOTADB:
                self.init(.corrupt, operation: operation, cause: Self.restoreAdvice(text))
            default:
                self.init(.unavailable, operation: operation, cause: text)
            }
        default:
            self.init(.unavailable, operation: operation, cause: "\(error)")
        }
    }

    /// The words for damage: what is wrong, and the one way out.
    static func restoreAdvice(_ what: String) -> String {
        "the database is damaged (\(what)); it is not served. Restore a backup: kcd restore"
    }

    /// After such an error nobody knows what of the write is on disk, and asking again could be answered wrongly: the
    /// kernel reports a failed write-back once and then takes the pages for clean.
    static func stopsWrites(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        switch error.resultCode {
        case .SQLITE_IOERR: return error.extendedResultCode != .SQLITE_IOERR_SHMSIZE
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return true
        default: return false
        }
    }
}
