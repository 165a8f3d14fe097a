/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * Which ICMP message stands for which ICMPv6 message (RFC 7915 sections 4.2 and 5.2).
 */
#pragma once
#include "headers.h"

enum {
    ECHO_REPLY4 = 0,
    UNREACHABLE4 = 3,
    ECHO4 = 8,
    TIME_EXCEEDED4 = 11,
    PARAMETER_PROBLEM4 = 12,
    UNREACHABLE6 = 1,
    TOO_BIG6 = 2,
    TIME_EXCEEDED6 = 3,
    PARAMETER_PROBLEM6 = 4,
    ECHO6 = 128,
    ECHO_REPLY6 = 129,
};

inlined int is_error4(__u8 type) {
    return type == UNREACHABLE4 || type == 4 || type == 5 || type == TIME_EXCEEDED4 || type == PARAMETER_PROBLEM4;
}
inlined int is_error6(__u8 type) { return type < 128; }

/* Of Packet Too Big: what IPv6 carries when IPv4 carries `mtu`, told a sender of `length` bytes (RFC 7915 section 4.2;
 * the floor is that of its section 6). Old routers say 0: then the next plateau of RFC 1191 section 7. */
inlined __u32 mtu_for_ipv6(const struct nat64_config *config, __u32 mtu, __u32 length) {
    static const __u16 plateaus[] = {65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};
    __u32 result;
    if (mtu == 0) {
        mtu = 68;
        for (int index = 0; index < 11; index++)
            if (plateaus[index] < length) {
                mtu = plateaus[index];
                break;
            }
    }
    result = mtu + 20;
    if (result > config->ipv6_mtu) result = config->ipv6_mtu;
    if (result > config->outer_mtu + 20) result = config->outer_mtu + 20;
    return result < 1280 ? 1280 : result;
}

inlined __u32 mtu_for_ipv4(const struct nat64_config *config, __u32 mtu) {
    __u32 result = mtu > 88 ? mtu - 20 : 68;
    if (result > config->ipv6_mtu - 20) result = config->ipv6_mtu - 20;
    if (result > config->outer_mtu) result = config->outer_mtu;
    return result > 65535 ? 65535 : result;
}

/* Which byte of an IPv6 header stands for a byte of an IPv4 header; -1: none (RFC 7915 figure 3). */
inlined int pointer_for_ipv6(__u8 pointer) {
    switch (pointer) {
    case 0: return 0;
    case 1: return 1;
    case 2:
    case 3: return 4;
    case 8: return 7;
    case 9: return 6;
    case 12 ... 15: return 8;
    case 16 ... 19: return 24;
    default: return -1;
    }
}

/* The other way (RFC 7915 figure 6). */
inlined int pointer_for_ipv4(__u32 pointer) {
    switch (pointer) {
    case 0: return 0;
    case 1: return 1;
    case 4:
    case 5: return 2;
    case 6: return 9;
    case 7: return 8;
    case 8 ... 23: return 12;
    case 24 ... 39: return 16;
    default: return -1;
    }
}

/* Makes an ICMPv6 error of an ICMPv4 one; `length` is the total length of the packet that it is about.
 * Answers 0 when no IPv6 host would understand it. */
inlined int error_to_icmp6(const struct nat64_config *config, const struct icmp *old, __u32 length,
                           struct icmp *new) {
    int pointer;
    new->checksum = 0;
    new->code = 0;
    new->rest = 0;
    switch (old->type) {
    case UNREACHABLE4:
        new->type = UNREACHABLE6;
        switch (old->code) {
        case 0:
        case 1:
        case 5 ... 8:
        case 11:
        case 12: return 1;
        case 2: /* No such protocol: it is the Next Header field that is not understood. */
            new->type = PARAMETER_PROBLEM6;
            new->code = 1;
            new->rest = bpf_htonl(6);
            return 1;
        case 3: new->code = 4; return 1;
        case 4:
            new->type = TOO_BIG6;
            new->rest = bpf_htonl(mtu_for_ipv6(config, bpf_ntohl(old->rest) & 0xffff, length));
            return 1;
        case 9:
        case 10:
        case 13:
        case 15: new->code = 1; return 1;
        default: return 0;
        }
    case TIME_EXCEEDED4:
        new->type = TIME_EXCEEDED6;
        new->code = old->code;
        return 1;
    case PARAMETER_PROBLEM4:
        if (old->code != 0 && old->code != 2) return 0;
        pointer = pointer_for_ipv6(bpf_ntohl(old->rest) >> 24);
        if (pointer < 0) return 0;
        new->type = PARAMETER_PROBLEM6;
        new->rest = bpf_htonl((__u32)pointer);
        return 1;
    default: return 0;
    }
}

inlined int error_to_icmp4(const struct nat64_config *config, const struct icmp *old, struct icmp *new) {
    int pointer;
    new->checksum = 0;
    new->code = 0;
    new->rest = 0;
    switch (old->type) {
    case UNREACHABLE6:
        new->type = UNREACHABLE4;
        switch (old->code) {
        case 0:
        case 2:
        case 3: new->code = 1; return 1;
        case 1: new->code = 10; return 1;
        case 4: new->code = 3; return 1;
        default: return 0;
        }
    case TOO_BIG6:
        new->type = UNREACHABLE4;
        new->code = 4;
        new->rest = bpf_htonl(mtu_for_ipv4(config, bpf_ntohl(old->rest)));
        return 1;
    case TIME_EXCEEDED6:
        new->type = TIME_EXCEEDED4;
        new->code = old->code;
        return 1;
    case PARAMETER_PROBLEM6:
        if (old->code == 1) {
            new->type = UNREACHABLE4;
            new->code = 2;
            return 1;
        }
        if (old->code != 0) return 0;
        pointer = pointer_for_ipv4(bpf_ntohl(old->rest));
        if (pointer < 0) return 0;
        new->type = PARAMETER_PROBLEM4;
        new->rest = bpf_htonl((__u32)pointer << 24);
        return 1;
    default: return 0;
    }
}
