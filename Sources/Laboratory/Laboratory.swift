import Resources

/// Layer 6. Laboratories of namespaces from topology files: real machines for KC as far as the kernel can pretend them.
///
/// A laboratory drives the standard programs (`ip`, `nft`, `nsenter`, `smcrouted`) and KC's own `kcd` through typed
/// argument lists, never a shell. It must not know how KC realises anything: it looks from outside, as an engineer would.
package struct Laboratory: Sendable {
    package let folder: TopologyFolder
    /// Where it keeps what it must know to end itself.
    package let state: LaboratoryState

    package init(folder: TopologyFolder, state: LaboratoryState) {
        self.folder = folder
        self.state = state
    }

    package var topology: Topology { folder.topology }
}
