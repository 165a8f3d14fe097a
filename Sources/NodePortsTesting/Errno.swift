/// The errno values the model answers with (asm-generic/errno-base.h, asm-generic/errno.h).
package enum Errno {
    package static let notPermitted: Int32 = 1
    package static let noEntry: Int32 = 2
    package static let accessDenied: Int32 = 13
    package static let exists: Int32 = 17
    package static let noDevice: Int32 = 19
    package static let invalid: Int32 = 22
    package static let exchangeFull: Int32 = 54
    package static let notSupported: Int32 = 95
}
