import Resources

/// What DHCPv6 (RFC 8415) does on an `automatic` segment, and with it the flags of its router advertisements.
package enum DHCPMode: String, Choice {
    /// No server; guests make their addresses themselves (A=1 M=0 O=0).
    case none
    /// Guests make their addresses themselves and ask for resolvers and search domains (A=1 M=0 O=1).
    case stateless
    /// Each attachment is given the address that KC assigned to it when it was made (A=0 M=1 O=1).
    case stateful

    /// "Managed address configuration" of RFC 4861 section 4.2.
    package var isManaged: Bool { self == .stateful }
    /// "Other configuration" of RFC 4861 section 4.2.
    package var hasOther: Bool { self != .none }
}
