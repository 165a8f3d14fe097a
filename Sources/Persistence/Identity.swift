package import Resources

/// Somebody whom a checker knows: who it is, which roles it has, and what narrows them.
package struct Identity: Hashable, Sendable, CustomStringConvertible {
    /// As histories and logs show it: `user/eva`, `token/ci`.
    package var name: String
    package var grants: Grants
    /// What its credential is for; nil for all that the roles allow.
    package var scope: Scope?
    /// From when on nobody is let in with it; nil for never.
    package var expires: Timestamp?
    /// Let in by a token, which may not make or change tokens.
    package var isToken: Bool

    package init(
        name: String, grants: Grants, scope: Scope? = nil, expires: Timestamp? = nil, isToken: Bool = false
    ) {
        self.isToken = isToken
        self.name = name
        self.grants = grants
        self.scope = scope
        self.expires = expires
    }

    package var description: String { name }

    /// Narrows what the roles allow; never widens it.
    package struct Scope: Hashable, Sendable {
        /// nil for all.
        package var verbs: Set<Verb>?
        /// Kinds by their names in the singular; nil for all.
        package var kinds: Set<String>?
        /// Only resources whose labels match, before and after a change.
        package var selector: Selector?

        package init(verbs: Set<Verb>? = nil, kinds: Set<String>? = nil, selector: Selector? = nil) {
            self.verbs = verbs
            self.kinds = kinds
            self.selector = selector
        }
    }
}
