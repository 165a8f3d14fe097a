// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The program before the guard: where frames come in by ports. It drops nothing, but tells the guard two things by a mark.
 *
 * - A frame is simple: the guard would pass it with the mark that it gets, at once, and with nothing to remember of it. One
 *   comparison there is enough then. Simple is TCP or UDP to one receiver, right behind an IPv6 header without a VLAN tag, but for
 *   UDP to DHCPv6 clients; with the MAC, from a source and to a destination that map `simple` has for the port.
 * - A frame is not what it will be: its sender has the kernel write or cut something when it leaves (offload.h).
 */
#include "guard_layout.h"
#include "offload.h"
#include <linux/pkt_cls.h>

enum { MAC = 6, TYPE = 12, NEXT_HEADER = 20, SOURCE = 22, DESTINATION = 38, DESTINATION_PORT = 56, NEEDED = 62 };
enum { TCP = 6, UDP = 17, DHCPV6_CLIENT = 546 };

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, GUARD_SLOTS);
    __type(key, __u32);
    __type(value, struct guard_port);
} simple SEC(".maps");

/* The generation of a port, in order with what else is read of it. */
static __always_inline __u64 generation(struct guard_port *port) {
#ifdef ORDERED_LOADS
    return *(volatile __u64 *)&port->generation;
#else
    return __sync_fetch_and_or(&port->generation, 0);
#endif
}

static __always_inline __u64 eight(const __u8 *bytes) {
    __u64 value;
    __builtin_memcpy(&value, bytes, sizeof(value));
    return value;
}

static __always_inline int is_own(const struct guard_port *port, const __u8 *source) {
    __u64 network = eight(source), interface = eight(source + 8);
#pragma unroll
    for (int i = 0; i < GUARD_SOURCES; i++)
        if (port->sources[i].interface == interface && port->sources[i].network == network) return 1;
    return 0;
}

/* The record of the frame's port as it was when `generation` was read; NULL: none. */
static __always_inline struct guard_port *port_of(struct __sk_buff *packet, __u64 *before) {
    __u32 slot = packet->ifindex & (GUARD_SLOTS - 1);
    struct guard_port *port = bpf_map_lookup_elem(&simple, &slot);
    if (!port) return 0;
    *before = generation(port);
    return *before && port->device == packet->ifindex ? port : 0;
}

/* Routers pass on what others have sent, behind headers of any kind: theirs are not looked at. */
static __always_inline int refuse(struct __sk_buff *packet) {
    __u64 before;
    struct guard_port *port = port_of(packet, &before);
    if (!port || !port->is_router || generation(port) != before) packet->mark = GUARD_OFFLOAD;
    return TC_ACT_UNSPEC;
}

SEC("tc") int guard_enter(struct __sk_buff *packet) {
    const __u8 *data = (const __u8 *)(long)packet->data;
    const __u8 *end = (const __u8 *)(long)packet->data_end;
    /* A veth in the same namespace leaves the mark on a frame that its other end was given. */
    packet->mark = 0;
    int place = open_checksum(packet);
    /* A tag that the kernel has taken out is not in the bytes. */
    if (data + NEEDED > end || packet->vlan_present || *(const __u16 *)(data + TYPE) != bpf_htons(0x86dd))
        return hides(packet, place) || shreds_somewhere(packet) ? refuse(packet) : TC_ACT_UNSPEC;
    if (place != NOT_OPEN && hides_in(data[NEXT_HEADER], BEHIND_IPV6, place)) return refuse(packet);
    if (shreds(packet, data[NEXT_HEADER], data[DESTINATION] == 0xff)) return refuse(packet);
    if (data[DESTINATION] == 0xff) return TC_ACT_UNSPEC;
    if (data[NEXT_HEADER] == UDP) {
        if (*(const __u16 *)(data + DESTINATION_PORT) == bpf_htons(DHCPV6_CLIENT)) return TC_ACT_UNSPEC;
    } else if (data[NEXT_HEADER] != TCP) {
        return TC_ACT_UNSPEC;
    }
    __u64 before;
    struct guard_port *port = port_of(packet, &before);
    if (!port || port->mac_and_type != eight(data + MAC)) return TC_ACT_UNSPEC;
    if (!port->is_router && !is_own(port, data + SOURCE)) return TC_ACT_UNSPEC;
    __u64 network = eight(data + DESTINATION);
    if (!port->is_everywhere && port->networks[0] != network && port->networks[1] != network) return TC_ACT_UNSPEC;
    __u32 mark = port->mark;
    if (generation(port) == before) packet->mark = mark;
    return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual BSD/GPL";
