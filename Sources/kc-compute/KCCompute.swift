import ArgumentParser

/// Layer 7. The daemon of the compute plugin.
@main
struct KCCompute: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kc-compute",
        abstract: "The daemon of KC's compute plugin: VMs on attachments.",
        discussion: """
            kc-compute api      beside `kcd api`, which hands on to it what is below /compute
            kc-compute node     on each machine that runs VMs, beside `kcd node`: needs libvirtd with QEMU
            kc-compute metadata on each host with a gateway that offers it: tells guests who they are

            Exit codes: 0 done; 1 it failed, and says why; 64 the command line cannot be understood.
            """,
        version: "0.1.0", subcommands: [ComputeAPICommand.self, NodeCommand.self, MetadataCommand.self])
}
