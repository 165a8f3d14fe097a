import Persistence
package import Resources

extension Problem {
    /// Of an error met while a document was read.
    package init(reading error: any Error) {
        switch error {
        case let error as FieldError: self.init(error)
        case let error as JSONError: self.init(error)
        case let error as StoreError: self.init(error)
        case let problem as Problem: self = problem
        default: self.init(.malformed, "\(error)")
        }
    }
}
