/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * The Internet checksum (RFC 1071), incrementally (RFC 1624) and over a whole message.
 */
#pragma once
#include "headers.h"

inlined __u16 fold(__u64 sum) {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)sum;
}

/* The checksum after what it covers has changed by `difference` (as bpf_csum_diff gives it). */
inlined __u16 adjusted(__u16 checksum, __u32 difference) {
    return ~fold((__u64)(__u16)~checksum + difference);
}

inlined void close_ipv4(struct ipv4 *header) {
    header->checksum = 0;
    header->checksum = ~fold(bpf_csum_diff(0, 0, (__be32 *)header, sizeof(*header), 0));
}

struct pseudo6 {
    struct nat64_address source, destination;
    __u32 length;
    __u32 next;
};

inlined __u32 pseudo6(const struct nat64_address *source, const struct nat64_address *destination, __u32 length,
                      __u8 next) {
    struct pseudo6 header = {.length = bpf_htonl(length), .next = bpf_htonl(next)};
    header.source = *source;
    header.destination = *destination;
    return fold(bpf_csum_diff(0, 0, (__be32 *)&header, sizeof(header), 0));
}

inlined __u32 pseudo4(__u32 source, __u32 destination, __u32 length, __u8 protocol) {
    __u32 header[3] = {source, destination, bpf_htonl((__u32)protocol << 16 | (length & 0xffff))};
    return fold(bpf_csum_diff(0, 0, (__be32 *)header, sizeof(header), 0));
}

#define CHUNK 64

struct walk {
    struct __sk_buff *packet;
    __u32 offset;
    __u32 left;
    __u64 sum;
    __u32 failed;
};

static long walk_on(__u32 index, void *context) {
    struct walk *walk = context;
    __u8 bytes[CHUNK] = {};
    __u32 size = walk->left;
    (void)index;
    if (size == 0) return 1;
    if (size > CHUNK) size = CHUNK;
    if (bpf_skb_load_bytes(walk->packet, walk->offset, bytes, size)) {
        walk->failed = 1;
        return 1;
    }
    walk->sum += fold(bpf_csum_diff(0, 0, (__be32 *)bytes, CHUNK, 0));
    walk->offset += size;
    walk->left -= size;
    return 0;
}

/* The folded sum of `length` bytes from `offset` on, or a negative number when they are not all there. */
inlined long sum_of(struct __sk_buff *packet, __u32 offset, __u32 length) {
    struct walk walk = {.packet = packet, .offset = offset, .left = length};
    bpf_loop(65536 / CHUNK, walk_on, &walk, 0);
    if (walk.failed || walk.left) return -1;
    return fold(walk.sum);
}
