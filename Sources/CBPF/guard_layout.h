/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
 *
 * What the program before the guard (BPF/guard) and the agent share.
 */
#pragma once
#include <linux/types.h>

/* Two 64-bit halves as they stand in a frame. */
struct guard_address {
    __u64 network;
    __u64 interface;
};

/* The mark of frames whose sender has the kernel change them where rules have looked. */
enum { GUARD_OFFLOAD = 0x6b6300fd };

enum { GUARD_SOURCES = 8, GUARD_SLOTS = 1 << 14 };

/* Value of table `simple`, at the lower bits of a device's index: a port's simple frames, and the mark they get.
 *
 * It is written in place, beside packets. So the generation is 0 before anything else changes, and comes last, another one
 * each time: who finds the same before and after he read the rest has read what belongs together. */
struct guard_port {
    __u64 generation; /* 0: nothing */
    __u32 device;
    __u32 mark;
    /* Source MAC and ethertype, as they stand in a frame. */
    __u64 mac_and_type;
    __u32 is_everywhere; /* to any one receiver */
    __u32 is_router;     /* from any source */
    /* Upper halves of destinations; all ones: none. */
    __u64 networks[2];
    /* The port's own; all ones: none. */
    struct guard_address sources[GUARD_SOURCES];
};
