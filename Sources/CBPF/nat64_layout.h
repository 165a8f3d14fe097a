/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * What the translator (BPF/nat64) and the agent share: the keys and values of its maps. Addresses and ports are in
 * network order throughout. A change here is a change of NAT64_LAYOUT: the agent replaces a program of another layout.
 */
#pragma once
#include <linux/types.h>

#define NAT64_LAYOUT 1

/* The upper half of the mark (in network order) of an echo that the stack may cut into fragments; the lower half is what
 * the length field of its header said before. */
#define NAT64_WHOLE_MARK 0x6b65

struct nat64_address {
    __u8 bytes[16];
};

/* The one element of map `config`. */
struct nat64_config {
    /* RFC 6052 prefix; its last four bytes are zero. */
    struct nat64_address prefix;
    /* The gateway's own IPv4 address: the source of errors whose sender has no IPv4 address (RFC 6791); 0: none. */
    __u32 own;
    /* First address of the block out of which unmapped senders get one each; 0: they get none. */
    __u32 dynamic_base;
    /* log2 of the block's size; 1 to 24. */
    __u32 dynamic_bits;
    /* The device whose egress is the translator, and the way out; 0 for no short cut. */
    __u32 inner_device;
    __u32 outer_device;
    /* The smallest MTU of the IPv6 side: what an IPv4 packet may become. */
    __u32 ipv6_mtu;
    __u32 outer_mtu;
    /* Not 0: the prefix is 64:ff9b::/96, which carries no address that is not global (RFC 6052 section 3.1). */
    __u32 global_only;
    __u32 layout;
};

/* Map `by_ipv6`: of an address of ours, the IPv4 address it has outside; counts what went out. */
struct nat64_outward {
    __u32 ipv4;
    __u32 reserved;
    __u64 packets;
    __u64 bytes;
};

/* Map `by_ipv4`: the reverse; counts what came in. */
struct nat64_inward {
    struct nat64_address ipv6;
    __u64 packets;
    __u64 bytes;
};

/* Map `dynamic_by_ipv4`: who has an address of the block. */
struct nat64_holder {
    struct nat64_address ipv6;
    /* CLOCK_MONOTONIC in seconds, of the last packet either way. */
    __u64 used;
};

/* The mark of a packet that was translated on arrival: its source is routed to the inner device, not to the one that it
 * came by, which a strict check of sources has to know. */
#define NAT64_MARK 0x6b64

/* Seconds after which a silent holder's address may be given to another: longer than any connection is tracked. */
#define NAT64_DYNAMIC_IDLE 432000ULL
/* How many places of the block are tried for a new sender. */
#define NAT64_DYNAMIC_TRIES 16

/* Indexes of map `counters`. */
enum nat64_counter {
    NAT64_TRANSLATED_6_TO_4,
    NAT64_TRANSLATED_4_TO_6,
    NAT64_SHORT_CUT,
    /* Everything from here on is a drop and its reason. */
    NAT64_DROP_MALFORMED,
    NAT64_DROP_HOP_LIMIT,
    NAT64_DROP_SOURCE,
    NAT64_DROP_DESTINATION,
    NAT64_DROP_NOT_GLOBAL,
    NAT64_DROP_UNMAPPED,
    NAT64_DROP_BLOCK_FULL,
    NAT64_DROP_HEADERS,
    NAT64_DROP_ICMP_TYPE,
    NAT64_DROP_ICMP_FRAGMENT,
    NAT64_DROP_ICMP_CHECKSUM,
    NAT64_DROP_ZERO_CHECKSUM,
    NAT64_DROP_KERNEL,
    NAT64_COUNTERS,
};
