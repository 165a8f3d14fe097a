/// An open serial console of a domain that runs. One reader, one writer; ends when the domain does, or the hypervisor.
///
/// Layer 4. It holds at most some ten kibibytes that nobody has read: then the guest's output waits.
package protocol ConsoleLine: Sendable {
    /// What has come, at least one byte and at most `maximum`; nil once it has ended and all is read.
    func read(atMost maximum: Int) async -> [UInt8]?
    /// - Throws: when it has ended, or the guest takes nothing for long.
    func write(_ bytes: [UInt8]) async throws(HypervisorError)
    /// May be called again. A reader that waits gets nil.
    func close()
}
