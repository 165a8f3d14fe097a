/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * Which IPv4 address stands for which IPv6 address: explicit mappings first (RFC 7757), the prefix for the rest of the
 * world (RFC 6052), and for senders without a mapping one of a block that never leaves the gateway.
 */
#pragma once
#include "maps.h"

inlined int is_equal(const struct nat64_address *left, const struct nat64_address *right) {
    return *(const __u64 *)left->bytes == *(const __u64 *)right->bytes &&
           *(const __u64 *)(left->bytes + 8) == *(const __u64 *)(right->bytes + 8);
}

inlined int is_in_prefix(const struct nat64_config *config, const struct nat64_address *address) {
    return *(const __u64 *)address->bytes == *(const __u64 *)config->prefix.bytes &&
           *(const __u32 *)(address->bytes + 8) == *(const __u32 *)(config->prefix.bytes + 8);
}

inlined __u32 embedded(const struct nat64_address *address) { return *(const __u32 *)(address->bytes + 12); }

inlined void embed(const struct nat64_config *config, __u32 ipv4, struct nat64_address *address) {
    *address = config->prefix;
    *(__u32 *)(address->bytes + 12) = ipv4;
}

inlined int is_within(__u32 ipv4, __u32 network, __u32 length) {
    return (bpf_ntohl(ipv4) ^ network) >> (32 - length) == 0;
}

/* No unicast address of a host: "this network", loopback, multicast and above (RFC 6890). The block of dynamic
 * addresses lies in what is refused here and is asked for first. */
inlined int is_no_host(__u32 ipv4) {
    return is_within(ipv4, 0, 8) || is_within(ipv4, 0x7f000000, 8) || is_within(ipv4, 0xe0000000, 3);
}

/* Not global (RFC 6890, RFC 6598). */
inlined int is_not_global(__u32 ipv4) {
    return is_no_host(ipv4) || is_within(ipv4, 0x0a000000, 8) || is_within(ipv4, 0x64400000, 10) ||
           is_within(ipv4, 0xa9fe0000, 16) || is_within(ipv4, 0xac100000, 12) || is_within(ipv4, 0xc0000000, 24) ||
           is_within(ipv4, 0xc0000200, 24) || is_within(ipv4, 0xc0a80000, 16) || is_within(ipv4, 0xc6120000, 15) ||
           is_within(ipv4, 0xc6336400, 24) || is_within(ipv4, 0xcb007100, 24);
}

inlined int may_be_embedded(const struct nat64_config *config, __u32 ipv4) {
    return !(config->global_only && is_not_global(ipv4));
}

/* Neither multicast nor link-local, nor in ::/64 (unspecified, loopback, IPv4-mapped). */
inlined int is_forwardable(const struct nat64_address *address) {
    if (address->bytes[0] == 0xff || (address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80)) return 0;
    return *(const __u64 *)address->bytes != 0;
}

inlined int is_dynamic(const struct nat64_config *config, __u32 ipv4) {
    return config->dynamic_base != 0 &&
           (bpf_ntohl(ipv4) ^ bpf_ntohl(config->dynamic_base)) >> (config->dynamic_bits & 31) == 0;
}

inlined __u64 now_in_seconds(void) { return bpf_ktime_get_ns() / 1000000000ULL; }

inlined void touch(struct nat64_holder *holder) {
    __u64 now = now_in_seconds();
    if (holder->used != now) holder->used = now;
}

/* Who has an address of the block; 0 for nobody. */
inlined const struct nat64_address *holder_of(__u32 ipv4) {
    struct nat64_holder *holder = bpf_map_lookup_elem(&dyn_by_ipv4, &ipv4);
    if (!holder) return 0;
    touch(holder);
    return &holder->ipv6;
}

inlined __u32 place_of(const struct nat64_address *address) {
    const __u32 *words = (const __u32 *)address->bytes;
    __u32 hash = 0x9e3779b9;
    for (int index = 0; index < 4; index++) {
        hash = (hash ^ words[index]) * 0x85ebca6b;
        hash ^= hash >> 15;
    }
    return hash;
}

/* The address of the block that the sender has; 0 when it has none. */
inlined __u32 dynamic_address(const struct nat64_address *address) {
    __u32 *known = bpf_map_lookup_elem(&dyn_by_ipv6, address);
    struct nat64_holder *holder;
    __u32 ipv4;
    if (!known) return 0;
    ipv4 = *known;
    holder = bpf_map_lookup_elem(&dyn_by_ipv4, &ipv4);
    if (!holder || !is_equal(&holder->ipv6, address)) return 0;
    touch(holder);
    return ipv4;
}

/* Gives the sender an address of the block: a free one, or one whose holder has been silent long enough. */
static __noinline __u32 take_dynamic_address(const struct nat64_config *config, const struct nat64_address *address) {
    struct nat64_holder new = {};
    __u32 start, mask, ipv4, word;
    if (!config || !address) return 0;
    new.used = now_in_seconds();
    new.ipv6 = *address;
    start = place_of(address);
    mask = (1U << (config->dynamic_bits & 31)) - 1;
    for (__u32 try = 0; try < NAT64_DYNAMIC_TRIES; try++) {
        struct nat64_holder *old;
        word = (start + try * 0x61) & mask;
        /* The first and the last address of a block look like a network's and its broadcast address: to be left out
         * keeps tools from stumbling. */
        if (word == 0 || word == mask) continue;
        ipv4 = config->dynamic_base | bpf_htonl(word);
        if (bpf_map_update_elem(&dyn_by_ipv4, &ipv4, &new, BPF_NOEXIST)) {
            old = bpf_map_lookup_elem(&dyn_by_ipv4, &ipv4);
            if (!old) continue;
            if (!is_equal(&old->ipv6, address)) {
                if (old->used + NAT64_DYNAMIC_IDLE > new.used) continue;
                bpf_map_delete_elem(&dyn_by_ipv6, &old->ipv6);
                bpf_map_update_elem(&dyn_by_ipv4, &ipv4, &new, BPF_EXIST);
            }
        }
        bpf_map_update_elem(&dyn_by_ipv6, address, &ipv4, BPF_ANY);
        return ipv4;
    }
    return 0;
}
