/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * The PREF64 option (RFC 8781) in the router's own advertisements, put there on their way out: whatever the daemon says
 * of router lifetime, preference and flags stays as it is, in one and the same packet.
 */
#pragma once
#include "checksum.h"
#include "maps.h"

#define ROUTER_ADVERTISEMENT 134
#define OPTION_PREF64 38

/* RFC 8781 section 4: lifetime in units of eight seconds (13 bits), then the code of the prefix length, 0 for a /96. */
struct pref64 {
    __u8 type;
    __u8 length;
    __u16 lifetime;
    __u8 prefix[12];
};

struct advertisement {
    __u8 type;
    __u8 code;
    __u16 checksum;
    __u8 hop_limit;
    __u8 flags;
    __u16 router_lifetime;
};

/* Adds the option to a packet that is a router advertisement of this router; leaves it alone when that cannot be. */
inlined void announce(struct __sk_buff *packet, const struct nat64_config *config) {
    struct {
        struct pref64 option;
        __u32 more;
    } added = {};
    struct advertisement message;
    struct ipv6 header;
    __u32 length, units;
    if (bpf_skb_load_bytes(packet, L3, &header, sizeof(header)) || header.next != ICMPV6 || header.hop_limit != 255 ||
        bpf_skb_load_bytes(packet, L3 + sizeof(header), &message, sizeof(message)) ||
        message.type != ROUTER_ADVERTISEMENT)
        return;
    length = bpf_ntohs(header.length);
    /* Options fill eights; what follows the message is none of it. */
    if (length % 8 || packet->len != L3 + sizeof(header) + length) return;
    /* As long as the router itself: without a way out there is none into the IPv4 world. */
    units = ((__u32)bpf_ntohs(message.router_lifetime) + 7) / 8;
    if (units > 0x1fff) units = 0x1fff;
    added.option.type = OPTION_PREF64;
    added.option.length = sizeof(added.option) / 8;
    added.option.lifetime = bpf_htons((__u16)(units << 3));
    __builtin_memcpy(added.option.prefix, config->prefix.bytes, sizeof(added.option.prefix));
    /* By so much grows the length in the pseudo header. */
    added.more = bpf_htonl(sizeof(added.option));
    header.length = bpf_htons((__u16)(length + sizeof(added.option)));
    if (bpf_skb_change_tail(packet, packet->len + sizeof(added.option), 0)) return;
    bpf_skb_store_bytes(packet, L3 + sizeof(header) + length, &added.option, sizeof(added.option), 0);
    bpf_skb_store_bytes(packet, L3 + 4, &header.length, sizeof(header.length), 0);
    bpf_l4_csum_replace(packet, L3 + sizeof(header) + 2, 0, bpf_csum_diff(0, 0, (__be32 *)&added, sizeof(added), 0), 0);
}
