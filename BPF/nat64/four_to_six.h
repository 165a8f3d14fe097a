/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * IPv4 to IPv6 (RFC 7915 section 4).
 */
#pragma once
#include "addresses.h"
#include "chains.h"
#include "inner.h"

/* Both headers of a translated packet; the second only of a fragment. */
struct new6 {
    struct ipv6 header;
    struct ipv6_fragment fragment;
};

/* What an error quotes went the other way: from one of ours to the IPv4 world. */
inlined int quoted_addresses_to_6(const struct nat64_config *config, const struct ipv4 *quoted, struct ipv6 *new) {
    struct nat64_inward *mapping = bpf_map_lookup_elem(&by_ipv4, &quoted->source);
    if (mapping) {
        new->source = mapping->ipv6;
    } else {
        const struct nat64_address *holder = holder_of(quoted->source);
        if (!holder) return 0;
        new->source = *holder;
    }
    embed(config, quoted->destination, &new->destination);
    return 1;
}

/* An ICMPv4 error: its own headers and those it quotes. `outer` is the finished IPv6 header but for its length. */
static __noinline int error_four_to_six(struct __sk_buff *packet, const struct nat64_config *config,
                                        const struct ipv4 *header, const struct chain *chain, struct ipv6 *outer) {
    struct scratch *scratch = room();
    struct chain inside;
    struct icmp old;
    __u32 length, size, old_headers, new_headers = sizeof(scratch->new6), difference;
    int result;
    if (!config || !header || !chain || !outer || !scratch) return NAT64_DROP_MALFORMED;

    struct ipv4 *quoted = &scratch->old4;
    typeof(scratch->new6) *new = &scratch->new6;
    length = bpf_ntohs(header->length) - chain->length;
    if (bpf_skb_load_bytes(packet, L3 + chain->length, &old, sizeof(old)) ||
        bpf_skb_load_bytes(packet, L3 + chain->length + sizeof(old), quoted, sizeof(*quoted)) ||
        quoted->version_length >> 4 != 4 || (quoted->version_length & 15) < 5)
        return NAT64_DROP_MALFORMED;
    read_chain4(quoted, &inside);
    if (!error_to_icmp6(config, &old, bpf_ntohs(quoted->length), &new->icmp)) return NAT64_DROP_ICMP_TYPE;
    {
        long sum = sum_of(packet, L3 + chain->length, length);
        if (sum < 0 || fold((__u64)sum) != 0xffff) return NAT64_DROP_ICMP_CHECKSUM;
    }
    if (inside.protocol == ICMPV4 && inside.is_fragment) return NAT64_DROP_ICMP_FRAGMENT;
    if (!quoted_addresses_to_6(config, quoted, &new->quoted)) return NAT64_DROP_UNMAPPED;
    /* With an extension (RFC 4884) the quoted packet ends where its length says. The extension is left out. */
    size = length - sizeof(old);
    if (old.type != UNREACHABLE4 || old.code != 4) {
        __u32 said = (bpf_ntohl(old.rest) >> 16 & 0xff) * 4;
        if (said != 0 && said < size) size = said;
    }
    if (size < inside.length || size > 65535) return NAT64_DROP_MALFORMED;
    if (!inside.is_fragment) new_headers -= sizeof(struct ipv6_fragment);
    old_headers = chain->length + sizeof(old) + inside.length;
    /* No error is larger than the smallest path (RFC 4443 section 2.4 (c)). */
    if (new_headers + size - inside.length > 1280) size = 1280 - new_headers + inside.length;
    {
        __u32 payload = bpf_ntohs(quoted->length);
        if (payload < inside.length) return NAT64_DROP_MALFORMED;
        payload -= inside.length;
        become_ipv6(quoted, &inside, payload + (inside.is_fragment ? sizeof(struct ipv6_fragment) : 0),
                    &new->quoted, &new->fragment);
        difference = inside.protocol == ICMPV4
                         ? pseudo6(&new->quoted.source, &new->quoted.destination, payload, ICMPV6)
                         : fold(bpf_csum_diff((__be32 *)&quoted->source, 8, (__be32 *)&new->quoted.source, 32, 0));
    }
    if (bpf_skb_change_tail(packet, L3 + chain->length + sizeof(old) + size, 0) ||
        bpf_skb_change_proto(packet, ETHERTYPE_IPV6, 0) ||
        bpf_skb_adjust_room(packet, (__s32)(new_headers - old_headers - 20), BPF_ADJ_ROOM_MAC, 0))
        return NAT64_DROP_KERNEL;
    length = new_headers - sizeof(*outer) + size - inside.length;
    outer->length = bpf_htons((__u16)length);
    new->outer = *outer;
    if (bpf_skb_store_bytes(packet, L3, new, sizeof(*new) - sizeof(struct ipv6_fragment), 0) ||
        (inside.is_fragment && bpf_skb_store_bytes(packet, L3 + sizeof(*new) - sizeof(struct ipv6_fragment),
                                                   &new->fragment, sizeof(struct ipv6_fragment), 0)))
        return NAT64_DROP_KERNEL;
    if (inside.offset == 0) {
        __u32 offset = L3 + new_headers;
        result = inside.protocol == ICMPV4 ? mend_quoted_echo(packet, offset, 1, difference)
                                           : mend_quoted(packet, offset, inside.protocol, difference);
        if (result) return result;
    }
    return close_icmp(packet, L3 + sizeof(*outer), length, pseudo6(&outer->source, &outer->destination, length, ICMPV6));
}

/* A UDP datagram without a checksum, which IPv6 does not have: it gets one (RFC 7915 section 4.5). `offset` is where
 * it is after translation. */
static __noinline int give_checksum(struct __sk_buff *packet, __u32 offset, __u32 length, const struct ipv6 *header) {
    long sum = sum_of(packet, offset, length);
    __u16 checksum;
    if (!header || sum < 0) return NAT64_DROP_MALFORMED;
    checksum = ~fold((__u64)sum + pseudo6(&header->source, &header->destination, length, UDP));
    if (checksum == 0) checksum = 0xffff;
    return bpf_skb_store_bytes(packet, offset + 6, &checksum, sizeof(checksum), 0) ? NAT64_DROP_KERNEL : 0;
}

/* Translates the packet in place, with `hops` added to its hop limit; `new` has its addresses. Answers 0, or the
 * reason to drop. */
inlined int four_to_six(struct __sk_buff *packet, const struct nat64_config *config, const struct ipv4 *header,
                        const struct chain *chain, __u32 hops, struct new6 *new) {
    __u32 payload = bpf_ntohs(header->length) - chain->length;
    __u32 extra = chain->is_fragment ? sizeof(struct ipv6_fragment) : 0;
    __u32 offset = L3 + sizeof(struct ipv6) + extra;
    __s32 rest = (__s32)(extra + 20) - (__s32)chain->length;
    __u32 sum, whole = payload;
    int place = checksum_offset(chain->protocol), must_give = 0;
    struct icmp icmp;

    become_ipv6(header, chain, payload + extra, &new->header, &new->fragment);
    new->header.hop_limit = header->ttl + hops > 255 ? 255 : header->ttl + hops;
    if (chain->protocol == ICMPV4) {
        __u32 said = length_of_whole(packet);
        if (chain->is_fragment) {
            /* Its checksum covers all fragments, and the length of all of them becomes part of what it covers. */
            if (said < chain->length + sizeof(icmp)) return NAT64_DROP_ICMP_FRAGMENT;
            whole = said - chain->length;
        }
        if (chain->offset == 0) {
            if (payload < sizeof(icmp) || bpf_skb_load_bytes(packet, L3 + chain->length, &icmp, sizeof(icmp)))
                return NAT64_DROP_MALFORMED;
            if (is_error4(icmp.type))
                return chain->is_fragment ? NAT64_DROP_ICMP_FRAGMENT
                                          : error_four_to_six(packet, config, header, chain, &new->header);
            if (icmp.type != ECHO4 && icmp.type != ECHO_REPLY4) return NAT64_DROP_ICMP_TYPE;
        }
    } else if (chain->protocol == UDP && chain->offset == 0) {
        __u16 checksum;
        if (payload < 8 || bpf_skb_load_bytes(packet, L3 + chain->length + 6, &checksum, sizeof(checksum)))
            return NAT64_DROP_MALFORMED;
        /* It covers all fragments, and the others are not here. */
        if (checksum == 0 && chain->is_fragment) return NAT64_DROP_ZERO_CHECKSUM;
        must_give = checksum == 0;
    }
    if (place >= 0 && chain->offset == 0 && payload < (__u32)place + 2) return NAT64_DROP_MALFORMED;
    if (bpf_skb_change_proto(packet, ETHERTYPE_IPV6, 0)) return NAT64_DROP_KERNEL;
    if (rest != 0 && bpf_skb_adjust_room(packet, rest, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO))
        return NAT64_DROP_KERNEL;
    if (bpf_skb_store_bytes(packet, L3, &new->header, sizeof(new->header), BPF_F_RECOMPUTE_CSUM)) return NAT64_DROP_KERNEL;
    if (extra && bpf_skb_store_bytes(packet, L3 + sizeof(new->header), &new->fragment, sizeof(new->fragment),
                                     BPF_F_RECOMPUTE_CSUM))
        return NAT64_DROP_KERNEL;
    if (chain->offset != 0) return 0;
    if (chain->protocol == ICMPV4) {
        sum = pseudo6(&new->header.source, &new->header.destination, whole, ICMPV6);
        return mend_quoted_echo(packet, offset, 1, sum);
    }
    if (must_give) return give_checksum(packet, offset, payload, &new->header);
    if (place < 0) return 0;
    sum = bpf_csum_diff((__be32 *)&header->source, 8, (__be32 *)&new->header.source, 32, 0);
    return bpf_l4_csum_replace(packet, offset + place, 0, sum,
                               BPF_F_PSEUDO_HDR | (chain->protocol == UDP ? BPF_F_MARK_MANGLED_0 : 0))
               ? NAT64_DROP_MALFORMED
               : 0;
}
