extension IPv6Prefix {
    /// The highest address in it.
    package var last: IPv6Address {
        let high = length >= 64 ? 0 : UInt64.max >> UInt64(length)
        let low = length >= 128 ? 0 : length <= 64 ? UInt64.max : UInt64.max >> UInt64(length - 64)
        return IPv6Address(high: address.high | high, low: address.low | low)
    }
}
