/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * IPv6 to IPv4 (RFC 7915 section 5).
 */
#pragma once
#include "addresses.h"
#include "chains.h"
#include "inner.h"

/* What an error quotes went the other way: from the IPv4 world to one of ours. */
inlined int quoted_addresses_to_4(const struct nat64_config *config, const struct ipv6 *quoted, struct ipv4 *new) {
    struct nat64_outward *mapping = bpf_map_lookup_elem(&by_ipv6, &quoted->destination);
    if (!is_in_prefix(config, &quoted->source)) return 0;
    new->source = embedded(&quoted->source);
    new->destination = mapping ? mapping->ipv4 : dynamic_address(&quoted->destination);
    return new->destination != 0;
}

/* An ICMPv6 error: its own headers and those it quotes. `outer` is the finished IPv4 header but for its length. */
static __noinline int error_six_to_four(struct __sk_buff *packet, const struct nat64_config *config,
                                        const struct ipv6 *header, const struct chain *chain, struct ipv4 *outer) {
    struct scratch *scratch = room();
    struct chain inside;
    struct icmp old;
    __u32 length, size, old_headers, difference;
    int result;
    if (!config || !header || !chain || !outer || !scratch) return NAT64_DROP_MALFORMED;

    struct ipv6 *quoted = &scratch->old6;
    typeof(scratch->new4) *new = &scratch->new4;
    length = sizeof(*header) + bpf_ntohs(header->length) - chain->length;
    if (bpf_skb_load_bytes(packet, L3 + chain->length, &old, sizeof(old))) return NAT64_DROP_MALFORMED;
    if (bpf_skb_load_bytes(packet, L3 + chain->length + sizeof(old), quoted, sizeof(struct ipv6)) ||
        (bpf_ntohl(quoted->first) >> 28) != 6)
        return NAT64_DROP_MALFORMED;
    if (!error_to_icmp4(config, &old, &new->icmp)) return NAT64_DROP_ICMP_TYPE;
    {
        long sum = sum_of(packet, L3 + chain->length, length);
        if (sum < 0 || fold((__u64)sum + pseudo6(&header->source, &header->destination, length, ICMPV6)) != 0xffff)
            return NAT64_DROP_ICMP_CHECKSUM;
    }
    result = read_chain6(packet, L3 + chain->length + sizeof(old), quoted->next, &inside);
    if (result) return result;
    if (inside.protocol == ICMPV6 && inside.is_fragment) return NAT64_DROP_ICMP_FRAGMENT;
    if (!quoted_addresses_to_4(config, quoted, &new->quoted)) return NAT64_DROP_UNMAPPED;
    /* With an extension (RFC 4884) the quoted packet ends where its length says. The extension is left out. */
    size = length - sizeof(old);
    if (old.type == UNREACHABLE6 || old.type == TIME_EXCEEDED6) {
        __u32 said = (bpf_ntohl(old.rest) >> 24) * 8;
        if (said != 0 && said < size) size = said;
    }
    if (size < inside.length || size > 65535) return NAT64_DROP_MALFORMED;
    {
        __u32 payload = bpf_ntohs(quoted->length) + sizeof(struct ipv6);
        if (payload < inside.length) return NAT64_DROP_MALFORMED;
        become_ipv4(quoted, &inside, payload - inside.length + sizeof(struct ipv4), &new->quoted);
        /* Which one it had is not known here. */
        if (!inside.is_fragment) new->quoted.id = 0;
        /* What ICMPv6 counts and ICMPv4 does not, or what the addresses change. */
        difference = inside.protocol == ICMPV6
                         ? ~pseudo6(&quoted->source, &quoted->destination, payload - inside.length, ICMPV6) & 0xffff
                         : fold(bpf_csum_diff((__be32 *)&quoted->source, 32, (__be32 *)&new->quoted.source, 8, 0));
    }
    close_ipv4(&new->quoted);
    old_headers = chain->length + sizeof(old) + inside.length;
    if (bpf_skb_change_tail(packet, L3 + chain->length + sizeof(old) + size, 0) ||
        bpf_skb_change_proto(packet, ETHERTYPE_IPV4, 0) ||
        bpf_skb_adjust_room(packet, (__s32)(sizeof(*new) + 20 - old_headers), BPF_ADJ_ROOM_MAC, 0))
        return NAT64_DROP_KERNEL;
    length = sizeof(struct icmp) + sizeof(struct ipv4) + size - inside.length;
    outer->length = bpf_htons((__u16)(sizeof(*outer) + length));
    if (sizeof(*outer) + length <= 1260 && !chain->is_fragment) outer->fragment = 0;
    close_ipv4(outer);
    new->outer = *outer;
    if (bpf_skb_store_bytes(packet, L3, new, sizeof(*new), 0)) return NAT64_DROP_KERNEL;
    if (inside.offset == 0) {
        __u32 offset = L3 + sizeof(*new);
        result = inside.protocol == ICMPV6 ? mend_quoted_echo(packet, offset, 0, difference)
                                           : mend_quoted(packet, offset, inside.protocol, difference);
        if (result) return result;
    }
    return close_icmp(packet, L3 + sizeof(struct ipv4), length, 0);
}

/* The IPv4 address of a sender without a mapping: one of the block, or the gateway's own for an error from a router on
 * the way (RFC 6791). 0 and a reason when it has none. */
inlined __u32 unmapped_sender(const struct nat64_config *config, const struct nat64_address *address, int is_error,
                              __u32 *reason) {
    *reason = NAT64_DROP_UNMAPPED;
    if (config->dynamic_base) {
        __u32 ipv4 = dynamic_address(address);
        if (ipv4) return ipv4;
        if (!is_error) {
            *reason = NAT64_DROP_BLOCK_FULL;
            return take_dynamic_address(config, address);
        }
    }
    return is_error ? config->own : 0;
}

/* Translates the packet in place, with `hops` added to its hop limit. Answers 0, or the reason to drop. */
inlined int six_to_four(struct __sk_buff *packet, const struct nat64_config *config, const struct ipv6 *header,
                        const struct chain *chain, __u32 source, __u32 hops, struct ipv4 *new) {
    __u32 payload = sizeof(*header) + bpf_ntohs(header->length) - chain->length;
    __u32 offset = L3 + sizeof(*new);
    __u32 sum;
    int place = checksum_offset(chain->protocol);
    struct icmp icmp;

    become_ipv4(header, chain, payload + sizeof(*new), new);
    new->ttl = header->hop_limit + hops > 255 ? 255 : header->hop_limit + hops;
    new->source = source;
    new->destination = embedded(&header->destination);
    if (chain->protocol == ICMPV6) {
        __u32 whole = length_of_whole(packet), is_part = chain->offset != 0 || chain->more_fragments;
        if (!is_part) whole = payload;
        /* Its checksum covers all fragments and the length of all of them. */
        if (is_part && whole < sizeof(icmp)) return NAT64_DROP_ICMP_FRAGMENT;
        if (chain->offset == 0) {
            if (payload < sizeof(icmp) || bpf_skb_load_bytes(packet, L3 + chain->length, &icmp, sizeof(icmp)))
                return NAT64_DROP_MALFORMED;
            if (is_error6(icmp.type))
                return is_part ? NAT64_DROP_ICMP_FRAGMENT
                               : error_six_to_four(packet, config, header, chain, new);
            if (icmp.type != ECHO6 && icmp.type != ECHO_REPLY6) return NAT64_DROP_ICMP_TYPE;
        }
        sum = ~pseudo6(&header->source, &header->destination, whole, ICMPV6) & 0xffff;
    }
    if (place >= 0 && chain->offset == 0 && payload < (__u32)place + 2) return NAT64_DROP_MALFORMED;
    close_ipv4(new);
    if (bpf_skb_change_proto(packet, ETHERTYPE_IPV4, 0)) return NAT64_DROP_KERNEL;
    if (chain->length != sizeof(*header) &&
        bpf_skb_adjust_room(packet, -(__s32)(chain->length - sizeof(*header)), BPF_ADJ_ROOM_MAC,
                            BPF_F_ADJ_ROOM_FIXED_GSO))
        return NAT64_DROP_KERNEL;
    if (bpf_skb_store_bytes(packet, L3, new, sizeof(*new), BPF_F_RECOMPUTE_CSUM)) return NAT64_DROP_KERNEL;
    if (chain->offset != 0) return 0;
    if (chain->protocol == ICMPV6) {
        int failed = mend_quoted_echo(packet, offset, 0, sum);
        return failed;
    }
    if (place < 0) return 0;
    sum = bpf_csum_diff((__be32 *)&header->source, 32, (__be32 *)&new->source, 8, 0);
    return bpf_l4_csum_replace(packet, offset + place, 0, sum,
                               BPF_F_PSEUDO_HDR | (chain->protocol == UDP ? BPF_F_MARK_MANGLED_0 : 0))
               ? NAT64_DROP_MALFORMED
               : 0;
}
