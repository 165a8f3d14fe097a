/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * Reading a packet's headers up to its transport header.
 */
#pragma once
#include "headers.h"

#define MAXIMUM_EXTENSION_HEADERS 8

inlined int is_extension(__u8 next) {
    return next == HOP_BY_HOP || next == DESTINATION_OPTIONS || next == ROUTING || next == FRAGMENT;
}

/* Reads the extension headers behind an IPv6 header at `at`. Options and spent routing headers are passed over, since
 * IPv4 has nothing like them (RFC 7915 section 5.1). Answers 0, or the reason to drop. */
static __noinline int read_chain6(struct __sk_buff *packet, __u32 at, __u8 next, struct chain *chain) {
    __u32 length = sizeof(struct ipv6);
    if (!chain) return NAT64_DROP_HEADERS;
    chain->is_fragment = 0;
    chain->more_fragments = 0;
    chain->offset = 0;
    chain->id = 0;
    for (int index = 0; index < MAXIMUM_EXTENSION_HEADERS; index++) {
        __u8 start[8];
        if (!is_extension(next)) {
            chain->length = length;
            chain->protocol = next;
            return 0;
        }
        if (bpf_skb_load_bytes(packet, at + length, start, sizeof(start))) return NAT64_DROP_MALFORMED;
        if (next == FRAGMENT) {
            const struct ipv6_fragment *fragment = (const struct ipv6_fragment *)start;
            __u16 offset = bpf_ntohs(fragment->offset);
            chain->is_fragment = 1;
            chain->offset = offset >> 3;
            chain->more_fragments = offset & 1;
            chain->id = bpf_ntohl(fragment->id);
            chain->length = length + sizeof(*fragment);
            chain->protocol = fragment->next;
            /* What stands behind it is part of what was fragmented: taking it out would move later fragments. */
            return is_extension(fragment->next) ? NAT64_DROP_HEADERS : 0;
        }
        /* A routing header with segments left is for the next of them (RFC 7915 section 5.1). */
        if (next == ROUTING && start[3] != 0) return NAT64_DROP_HEADERS;
        length += ((__u32)start[1] + 1) * 8;
        next = start[0];
    }
    return NAT64_DROP_HEADERS;
}

/* What the length field of a fragment's packet said while it was whole, where the firewall has noted it; or 0. The note
 * is for the translator alone, which takes it away. */
inlined __u32 length_of_whole(struct __sk_buff *packet) {
    __u32 mark = bpf_ntohl(packet->mark);
    if (mark >> 16 != NAT64_WHOLE_MARK) return 0;
    packet->mark = 0;
    return mark & 0xffff;
}

inlined void read_chain4(const struct ipv4 *header, struct chain *chain) {
    __u16 fragment = bpf_ntohs(header->fragment);
    chain->length = (header->version_length & 15) * 4;
    chain->protocol = header->protocol;
    chain->offset = fragment & IPV4_OFFSET;
    chain->more_fragments = (fragment & IPV4_MORE_FRAGMENTS) != 0;
    chain->is_fragment = chain->offset != 0 || chain->more_fragments;
    chain->id = bpf_ntohs(header->id);
}

/* The IPv4 header that stands for an IPv6 one (RFC 7915 section 5.1): all but its addresses and checksum.
 * `length` is that of the IPv4 packet. */
inlined void become_ipv4(const struct ipv6 *old, const struct chain *chain, __u32 length, struct ipv4 *new) {
    new->version_length = 0x45;
    new->traffic_class = (__u8)(bpf_ntohl(old->first) >> 20);
    new->length = bpf_htons((__u16)length);
    new->ttl = old->hop_limit;
    new->protocol = chain->protocol == ICMPV6 ? ICMPV4 : chain->protocol;
    if (chain->is_fragment) {
        new->id = bpf_htons((__u16)chain->id);
        new->fragment =
            bpf_htons((chain->offset & IPV4_OFFSET) | (chain->more_fragments ? IPV4_MORE_FRAGMENTS : 0));
    } else if (length <= 1260) {
        /* Whoever was told of a smaller path than IPv6 has may not know how to go below 1280. */
        new->id = (__u16)bpf_get_prandom_u32();
        new->fragment = 0;
    } else {
        new->id = 0;
        new->fragment = bpf_htons(IPV4_DONT_FRAGMENT);
    }
}

/* The IPv6 header that stands for an IPv4 one (RFC 7915 section 4.1), and the Fragment header of a fragment: all but
 * the addresses. `length` is what follows the IPv6 header, the Fragment header included. */
inlined void become_ipv6(const struct ipv4 *old, const struct chain *chain, __u32 length, struct ipv6 *new,
                         struct ipv6_fragment *fragment) {
    __u8 next = chain->protocol == ICMPV4 ? ICMPV6 : chain->protocol;
    new->first = bpf_htonl(0x60000000 | (__u32)old->traffic_class << 20);
    new->length = bpf_htons((__u16)length);
    new->next = chain->is_fragment ? FRAGMENT : next;
    new->hop_limit = old->ttl;
    fragment->next = next;
    fragment->reserved = 0;
    fragment->offset = bpf_htons((__u16)(chain->offset << 3) | chain->more_fragments);
    fragment->id = bpf_htonl(chain->id);
}
