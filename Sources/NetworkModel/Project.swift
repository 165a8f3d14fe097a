package import Resources

/// Who owns resources. `default` exists from the first start.
package enum Project: ResourceKind {
    package static let kind = KindName("project", plural: "projects", isInProject: false)
    package typealias Spec = Nothing
    package typealias Assigned = Nothing
}
