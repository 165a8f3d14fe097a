/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * The translator's tables.
 */
#pragma once
#include "headers.h"

#define TABLE_SIZE 65536

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct nat64_config);
} config SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TABLE_SIZE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct nat64_address);
    __type(value, struct nat64_outward);
} by_ipv6 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TABLE_SIZE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __u32);
    __type(value, struct nat64_inward);
} by_ipv4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TABLE_SIZE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct nat64_address);
    __type(value, __u32);
} dyn_by_ipv6 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TABLE_SIZE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __u32);
    __type(value, struct nat64_holder);
} dyn_by_ipv4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, NAT64_COUNTERS);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

/* Room for what an ICMP error quotes: a program's stack has 512 bytes. */
struct scratch {
    struct {
        struct ipv4 outer;
        struct icmp icmp;
        struct ipv4 quoted;
    } new4;
    struct ipv6 old6;
    struct {
        struct ipv6 outer;
        struct icmp icmp;
        struct ipv6 quoted;
        struct ipv6_fragment fragment;
    } new6;
    struct ipv4 old4;
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct scratch);
} scratch SEC(".maps");

inlined struct scratch *room(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&scratch, &zero);
}

inlined void count(__u32 counter) {
    __u64 *value = bpf_map_lookup_elem(&counters, &counter);
    if (value) *value += 1;
}

inlined int drop(__u32 reason) {
    count(reason);
    return TC_ACT_SHOT;
}

inlined struct nat64_config *settings(void) {
    __u32 zero = 0;
    struct nat64_config *found = bpf_map_lookup_elem(&config, &zero);
    return found && found->layout == NAT64_LAYOUT ? found : 0;
}
