/// The labels by which the attachments of a VM are known. Their value is the VM's id.
package enum PortLabel {
    /// Of an attachment that was made for the VM.
    package static let made = "kc-compute/vm"
    /// Of one that was given, while the VM has it.
    package static let given = "kc-compute/given-to"
}
