/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * The start of the transport header inside an ICMP error: brought in step with its translated network header, as far as
 * the error quotes it.
 */
#pragma once
#include "checksum.h"
#include "icmp.h"

/* `offset` is where the quoted transport header is now; `difference` what the pseudo header's addresses have changed
 * by. Answers 0, or the reason to drop. */
inlined int mend_quoted(struct __sk_buff *packet, __u32 offset, __u8 protocol, __u32 difference) {
    int place = checksum_offset(protocol);
    __u16 checksum;
    if (place < 0 || bpf_skb_load_bytes(packet, offset + place, &checksum, sizeof(checksum))) return 0;
    if (protocol == UDP && checksum == 0) return 0;
    checksum = adjusted(checksum, difference);
    if (protocol == UDP && checksum == 0) checksum = 0xffff;
    return bpf_skb_store_bytes(packet, offset + place, &checksum, sizeof(checksum), 0) ? NAT64_DROP_KERNEL : 0;
}

/* The same of a quoted echo: `type` becomes what it is on the other side, and `difference` is what the pseudo header,
 * that ICMPv6 has and ICMPv4 has not, changes the checksum by. */
inlined int mend_quoted_echo(struct __sk_buff *packet, __u32 offset, int to_ipv6, __u32 difference) {
    struct {
        __u8 type, code;
        __u16 checksum;
    } echo;
    __be32 old[1], new[1];
    if (bpf_skb_load_bytes(packet, offset, &echo, sizeof(echo))) return NAT64_DROP_MALFORMED;
    old[0] = bpf_htonl((__u32)echo.type << 24 | (__u32)echo.code << 16);
    if (to_ipv6) {
        if (echo.type == ECHO4)
            echo.type = ECHO6;
        else if (echo.type == ECHO_REPLY4)
            echo.type = ECHO_REPLY6;
        else
            return NAT64_DROP_ICMP_TYPE;
    } else {
        if (echo.type == ECHO6)
            echo.type = ECHO4;
        else if (echo.type == ECHO_REPLY6)
            echo.type = ECHO_REPLY4;
        else
            return NAT64_DROP_ICMP_TYPE;
    }
    new[0] = bpf_htonl((__u32)echo.type << 24 | (__u32)echo.code << 16);
    echo.checksum = adjusted(echo.checksum, fold((__u64)difference + fold(bpf_csum_diff(old, 4, new, 4, 0))));
    return bpf_skb_store_bytes(packet, offset, &echo, sizeof(echo), 0) ? NAT64_DROP_KERNEL : 0;
}

/* Writes the checksum of an ICMP message of `length` bytes at `offset`; `pseudo` is the sum of its pseudo header. */
inlined int close_icmp(struct __sk_buff *packet, __u32 offset, __u32 length, __u32 pseudo) {
    long sum = sum_of(packet, offset, length);
    __u16 checksum;
    if (sum < 0) return NAT64_DROP_MALFORMED;
    checksum = ~fold((__u64)sum + pseudo);
    return bpf_skb_store_bytes(packet, offset + 2, &checksum, sizeof(checksum), 0) ? NAT64_DROP_KERNEL : 0;
}
