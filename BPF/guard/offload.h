/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * What a sender asks the kernel to do to a frame later: to write its checksum, and to cut it (struct virtio_net_hdr, from a tap
 * or by PACKET_VNET_HDR).
 *
 * Where the checksum goes is the sender's to say, and it is written when the frame leaves, which is after every rule: an echo
 * request becomes a router advertisement. So the place must be one that no rule looks at: the checksum of the frame's own TCP
 * or UDP header, or behind all that rules read. And into how many packets a bundle is cut is the sender's to say as well, while
 * limits count it as one: below a size that no honest path has, it is refused.
 */
#pragma once
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Of struct sk_buff (linux/skbuff.h) what is needed here, which struct __sk_buff does not show; the kernel's BTF says where. */
struct sk_buff {
    unsigned char *head, *data;
    __u16 csum_start, csum_offset;
    __u8 ip_summed : 2;
} __attribute__((preserve_access_index));

/* Linux 6.2. */
extern void *bpf_cast_to_kern_ctx(void *context) __ksym __weak;

enum { CHECKSUM_PARTIAL = 3, NOT_OPEN = -1 };
/* Where the headers behind Ethernet's, IPv6's and IPv4's begin. */
enum { L3 = 14, BEHIND_IPV6 = L3 + 40, BEHIND_IPV4 = L3 + 20 };
/* Of TCP; RFC 879 and RFC 8200 know nothing below 536. */
enum { SMALLEST_SEGMENT = 256 };

/* Where in the frame, from its first byte, two bytes are to be written; NOT_OPEN: nowhere. */
static __always_inline int open_checksum(struct __sk_buff *packet) {
    __u64 head, data;
    __u32 start, offset;
    if (bpf_cast_to_kern_ctx) {
        struct sk_buff *skb = bpf_cast_to_kern_ctx(packet);
        if (BPF_CORE_READ_BITFIELD(skb, ip_summed) != CHECKSUM_PARTIAL) return NOT_OPEN;
        head = (__u64)skb->head, data = (__u64)skb->data, start = skb->csum_start, offset = skb->csum_offset;
    } else {
        struct sk_buff *skb = (void *)packet;
        if (BPF_CORE_READ_BITFIELD_PROBED(skb, ip_summed) != CHECKSUM_PARTIAL) return NOT_OPEN;
        head = (__u64)BPF_CORE_READ(skb, head), data = (__u64)BPF_CORE_READ(skb, data);
        start = BPF_CORE_READ(skb, csum_start), offset = BPF_CORE_READ(skb, csum_offset);
    }
    __u64 place = head + start + offset;
    return place < data ? 0 : (int)((place - data) & 0x1ffff);
}

/* Whether what is written there could be looked at, in the header of that protocol which begins at `header`. */
static __always_inline int hides_in(__u8 protocol, int header, int place) {
    if (place < header) return 1;
    switch (protocol) {
    case 6: return place != header + 16;
    case 17: return place != header + 6 && place < header + 8;
    /* Rules look at nothing in these: IPv4, IPv6 and GRE, which have headers of their own inside, ESP, OSPF, VRRP, SCTP, UDP-Lite. */
    case 4: case 41: case 47: case 50: case 89: case 112: case 132: case 136: return 0;
    default: return 1;
    }
}

/* Whether the frame says one thing now, and may say another when its checksum has been written there. */
static __always_inline int hides(struct __sk_buff *packet, int place) {
    __u8 bytes[40];
    __u16 type;
    if (place == NOT_OPEN) return 0;
    if (place < L3 || bpf_skb_load_bytes(packet, 12, &type, sizeof(type))) return 1;
    if (type == bpf_htons(0x86dd))
        return bpf_skb_load_bytes(packet, L3, bytes, 40) || hides_in(bytes[6], BEHIND_IPV6, place);
    if (type == bpf_htons(0x0800)) {
        /* Without options, and whole. */
        if (bpf_skb_load_bytes(packet, L3, bytes, 20) || bytes[0] != 0x45 || (bytes[6] & 0x3f) | bytes[7]) return 1;
        return hides_in(bytes[9], BEHIND_IPV4, place);
    }
    /* ARP has no checksum. Of other ethertypes rules read no more than that. */
    return type == bpf_htons(0x0806);
}

/* Whether a bundle of packets becomes more of them than limits can know, or goes to many who cannot want it (RFC 9293 section
 * 3.9.2.3: no TCP to groups). Of UDP the kernel makes 128 at most. */
static __always_inline int shreds(struct __sk_buff *packet, __u8 protocol, int is_to_group) {
    return packet->gso_size && protocol == 6 && (packet->gso_size < SMALLEST_SEGMENT || is_to_group);
}

/* The same of a frame whose headers are not in the first piece of the packet, or not those of IPv6. */
static __always_inline int shreds_somewhere(struct __sk_buff *packet) {
    __u8 bytes[25];
    __u16 type;
    if (!packet->gso_size || bpf_skb_load_bytes(packet, 12, &type, sizeof(type))) return 0;
    if (type == bpf_htons(0x86dd))
        return bpf_skb_load_bytes(packet, L3, bytes, 25) || shreds(packet, bytes[6], bytes[24] == 0xff);
    return type == bpf_htons(0x0800) && (bpf_skb_load_bytes(packet, L3, bytes, 20) || shreds(packet, bytes[9], 0));
}
