package import Resources

/// What the guest is told of itself at its first boot.
package struct GuestOrder: Hashable, JSONCodable {
    /// By which cloud-init knows whether it boots for the first time: the VM's id.
    package var instance: ResourceID
    package var hostname: Name
    package var sshKeys: [SSHPublicKey]
    /// As its owner wrote it.
    package var userData: String

    package init(instance: ResourceID, hostname: Name, sshKeys: [SSHPublicKey] = [], userData: String = "") {
        self.instance = instance
        self.hostname = hostname
        self.sshKeys = sshKeys
        self.userData = userData
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            instance: try reader.required("instance"), hostname: try reader.required("hostname"),
            sshKeys: try reader.optional("sshKeys") ?? [], userData: try reader.optional("userData") ?? "")
        try reader.finish()
        guard sshKeys.count <= VirtualMachine.Spec.maximumSSHKeys else {
            throw FieldError(
                field: reader.path(of: "sshKeys"), value: "\(sshKeys.count)",
                rule: "must be at most \(VirtualMachine.Spec.maximumSSHKeys)")
        }
        guard userData.utf8.count <= VirtualMachine.Spec.maximumUserData else {
            throw FieldError(
                field: reader.path(of: "userData"), value: "\(userData.utf8.count) bytes",
                rule: "must be at most \(VirtualMachine.Spec.maximumUserData) bytes")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("instance", instance)
            writer.member("hostname", hostname)
            if !sshKeys.isEmpty { writer.member("sshKeys", sshKeys) }
            if !userData.isEmpty { writer.member("userData", userData) }
        }
    }
}
