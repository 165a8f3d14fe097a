import Resources

extension Reference {
    /// A DNS label or a UUID: what is neither is refused here already.
    static var shape: Shape {
        .text(TextShape(pattern: TextShape.labelPattern, maximum: 63, rule: rule) { Self($0) != nil })
    }
}

/// All that the compute plugin knows of the network: that these exist and have names.
package enum NetworkAttachment: ReferenceTarget {
    package static let referred = "attachment"
}
/// A segment on which an attachment is asked for.
package enum NetworkSegment: ReferenceTarget {
    package static let referred = "segment"
}
/// A policy of an attachment that is asked for.
package enum NetworkPolicy: ReferenceTarget {
    package static let referred = "policy"
}
/// KC's host, of which a compute host is the part that runs VMs.
package enum NetworkHost: ReferenceTarget {
    package static let referred = "host"
}
