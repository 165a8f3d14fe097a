/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * Headers as they stand in a packet, and the numbers in them.
 */
#pragma once
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "nat64_layout.h"

#define inlined static __always_inline

#define ETHERTYPE_IPV4 bpf_htons(0x0800)
#define ETHERTYPE_IPV6 bpf_htons(0x86dd)
/* Where the network header begins. */
#define L3 14

struct ipv4 {
    __u8 version_length;
    __u8 traffic_class;
    __u16 length;
    __u16 id;
    __u16 fragment;
    __u8 ttl;
    __u8 protocol;
    __u16 checksum;
    __u32 source;
    __u32 destination;
};

#define IPV4_DONT_FRAGMENT 0x4000
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_OFFSET 0x1fff

struct ipv6 {
    /* Version, traffic class, flow label. */
    __u32 first;
    __u16 length;
    __u8 next;
    __u8 hop_limit;
    struct nat64_address source;
    struct nat64_address destination;
} __attribute__((aligned(8)));

struct ipv6_fragment {
    __u8 next;
    __u8 reserved;
    /* 13 bits of offset in units of 8 bytes, two reserved, the last: more fragments. */
    __u16 offset;
    __u32 id;
};

/* Of both ICMPs; `rest` depends on the type. */
struct icmp {
    __u8 type;
    __u8 code;
    __u16 checksum;
    __u32 rest;
};

/* Protocol numbers. */
enum {
    HOP_BY_HOP = 0,
    ICMPV4 = 1,
    TCP = 6,
    UDP = 17,
    DCCP = 33,
    ROUTING = 43,
    FRAGMENT = 44,
    ICMPV6 = 58,
    DESTINATION_OPTIONS = 60,
    UDP_LITE = 136,
};

/* Where in a transport header its checksum is, if that covers a pseudo header; -1 otherwise. */
inlined int checksum_offset(__u8 protocol) {
    switch (protocol) {
    case TCP: return 16;
    case UDP:
    case DCCP:
    case UDP_LITE: return 6;
    default: return -1;
    }
}

/* An IPv6 header with its extension headers, or an IPv4 one with its options, as far as translation needs them. */
struct chain {
    /* Bytes from the network header to the transport header. */
    __u32 length;
    /* The transport protocol. */
    __u8 protocol;
    __u8 is_fragment;
    __u8 more_fragments;
    /* In units of 8 bytes. */
    __u16 offset;
    /* In host order. */
    __u32 id;
};
