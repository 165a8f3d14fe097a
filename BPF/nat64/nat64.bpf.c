// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A stateless translator between IPv6 and IPv4 (RFC 7915) as a classifier on two kinds of device of a gateway's
 * namespace:
 *
 *   `inner`  on the egress of the device that the routes to the IPv4 world and to mapped IPv4 addresses point to (and on
 *            the ingress of its other end, where what only the device can take apart comes back). What it translates
 *            enters the namespace's stack again as if it had come from that device, so that the stack does the rest:
 *            routes, hop limits, errors, fragments, connection tracking, address translation of the block. What is
 *            mapped and has a plain way out leaves at once by the outer device.
 *   `outer`  on the ingress of the way out: translates what is for a mapped address and fits, and leaves all else to the
 *            stack, which brings it to `inner` by its routes.
 *
 *   `announce` on the egress of each segment's device: tells guests of the prefix in the router's advertisements.
 *
 * The stack that forwards before (`inner`) or after (`outer`) translation counts the hop; a packet that passes it twice
 * is given the one hop back.
 */
#include "announce.h"
#include "four_to_six.h"
#include "six_to_four.h"
#include <linux/if_ether.h>

#define FAMILY_IPV4 2

struct ethernet {
    __u8 destination[6], source[6];
    __u16 type;
};

/* Not TCP, yet several packets in one: only a device that cannot carry such can take it apart. */
inlined int is_bundle(struct __sk_buff *packet, __u8 protocol) { return packet->gso_size != 0 && protocol != TCP; }

inlined int set_type(struct __sk_buff *packet, __u16 type) {
    return bpf_skb_store_bytes(packet, 12, &type, sizeof(type), 0) ? 1 : 0;
}

/* Back into the stack, as if received on the inner device. */
inlined int reenter(struct __sk_buff *packet, const struct nat64_config *config, __u16 type, __u32 counter) {
    if (set_type(packet, type)) return drop(NAT64_DROP_KERNEL);
    count(counter);
    return bpf_redirect(config->inner_device, BPF_F_INGRESS);
}

/* How large the packet is in the other family, or the largest of those that a device will make of it. */
inlined __u32 size_of_one(struct __sk_buff *packet, const struct chain *chain, __u32 length, __u32 network_header) {
    __u8 words;
    if (!packet->gso_size) return length - chain->length + network_header;
    if (bpf_skb_load_bytes(packet, L3 + chain->length + 12, &words, sizeof(words))) return 65535;
    return network_header + (words >> 4) * 4 + packet->gso_size;
}

/* Whether the IPv4 packet may leave by the outer device at once; `hardware` gets its addresses there. */
inlined int has_short_cut(struct __sk_buff *packet, const struct nat64_config *config, const struct ipv6 *header,
                          const struct chain *chain, __u32 source, struct ethernet *hardware) {
    struct bpf_fib_lookup route = {};
    __u32 size = size_of_one(packet, chain, sizeof(*header) + bpf_ntohs(header->length), sizeof(struct ipv4));
    if (!config->outer_device || chain->is_fragment || chain->protocol == ICMPV6 || size > config->outer_mtu) return 0;
    route.family = FAMILY_IPV4;
    route.ifindex = config->inner_device;
    route.l4_protocol = chain->protocol;
    route.ipv4_src = source;
    route.ipv4_dst = embedded(&header->destination);
    if (!packet->gso_size) route.tot_len = (__u16)size;
    if (bpf_fib_lookup(packet, &route, sizeof(route), 0) != BPF_FIB_LKUP_RET_SUCCESS ||
        route.ifindex != config->outer_device)
        return 0;
    __builtin_memcpy(hardware->destination, route.dmac, 6);
    __builtin_memcpy(hardware->source, route.smac, 6);
    hardware->type = ETHERTYPE_IPV4;
    return 1;
}

inlined int inner6(struct __sk_buff *packet, const struct nat64_config *config, int may_split) {
    struct ethernet hardware;
    struct nat64_outward *mapping;
    struct ipv6 header;
    struct chain chain;
    struct ipv4 new;
    __u32 source, ipv4, reason = NAT64_DROP_UNMAPPED;
    int result, short_cut = 0, is_error = 0;

    if (bpf_skb_load_bytes(packet, L3, &header, sizeof(header)) || bpf_ntohl(header.first) >> 28 != 6)
        return drop(NAT64_DROP_MALFORMED);
    /* Not ours to translate, like the multicasts of the stack itself: no word about it. */
    if (!is_in_prefix(config, &header.destination)) {
        if (header.destination.bytes[0] != 0xff) count(NAT64_DROP_DESTINATION);
        return TC_ACT_SHOT;
    }
    if (header.hop_limit == 0) return drop(NAT64_DROP_HOP_LIMIT);
    if (!is_forwardable(&header.source) || is_in_prefix(config, &header.source)) return drop(NAT64_DROP_SOURCE);
    ipv4 = embedded(&header.destination);
    if (is_no_host(ipv4)) return drop(NAT64_DROP_DESTINATION);
    mapping = bpf_map_lookup_elem(&by_ipv6, &header.source);
    if (!may_be_embedded(config, ipv4)) return drop(NAT64_DROP_NOT_GLOBAL);
    result = read_chain6(packet, L3, header.next, &chain);
    if (result) return drop(result);
    if (chain.length > sizeof(header) + bpf_ntohs(header.length) ||
        packet->len < L3 + sizeof(header) + bpf_ntohs(header.length))
        return drop(NAT64_DROP_MALFORMED);
    if (is_bundle(packet, chain.protocol)) return may_split ? TC_ACT_OK : drop(NAT64_DROP_KERNEL);
    if (chain.protocol == ICMPV6 && chain.offset == 0) {
        __u8 type;
        if (bpf_skb_load_bytes(packet, L3 + chain.length, &type, 1)) return drop(NAT64_DROP_MALFORMED);
        is_error = is_error6(type);
    }
    if (mapping) {
        source = mapping->ipv4;
        __sync_fetch_and_add(&mapping->packets, packet->gso_segs ? packet->gso_segs : 1);
        __sync_fetch_and_add(&mapping->bytes, packet->len - L3);
        short_cut = has_short_cut(packet, config, &header, &chain, source, &hardware);
    } else {
        source = unmapped_sender(config, &header.source, is_error, &reason);
        if (!source) return drop(reason);
    }
    result = six_to_four(packet, config, &header, &chain, source, short_cut ? 0 : 1, &new);
    if (result) return drop(result);
    if (!short_cut) return reenter(packet, config, ETHERTYPE_IPV4, NAT64_TRANSLATED_6_TO_4);
    if (bpf_skb_store_bytes(packet, 0, &hardware, sizeof(hardware), 0)) return drop(NAT64_DROP_KERNEL);
    count(NAT64_TRANSLATED_6_TO_4);
    count(NAT64_SHORT_CUT);
    return bpf_redirect(config->outer_device, 0);
}

/* The IPv6 addresses of a packet from the IPv4 world to one of ours. Answers 0, or the reason to drop. */
inlined int addresses_to_6(struct __sk_buff *packet, const struct nat64_config *config, const struct ipv4 *header,
                           struct ipv6 *new) {
    struct nat64_inward *mapping = bpf_map_lookup_elem(&by_ipv4, &header->destination);
    if (is_no_host(header->source)) return NAT64_DROP_SOURCE;
    if (!may_be_embedded(config, header->source)) return NAT64_DROP_NOT_GLOBAL;
    embed(config, header->source, &new->source);
    if (mapping) {
        new->destination = mapping->ipv6;
        __sync_fetch_and_add(&mapping->packets, packet->gso_segs ? packet->gso_segs : 1);
        __sync_fetch_and_add(&mapping->bytes, packet->len - L3);
        return 0;
    }
    {
        const struct nat64_address *holder = holder_of(header->destination);
        if (!holder) return NAT64_DROP_UNMAPPED;
        new->destination = *holder;
    }
    return 0;
}

inlined int load4(struct __sk_buff *packet, struct ipv4 *header, struct chain *chain) {
    if (bpf_skb_load_bytes(packet, L3, header, sizeof(*header)) || header->version_length >> 4 != 4 ||
        (header->version_length & 15) < 5)
        return 0;
    read_chain4(header, chain);
    return bpf_ntohs(header->length) >= chain->length && packet->len >= L3 + bpf_ntohs(header->length);
}

inlined int inner4(struct __sk_buff *packet, const struct nat64_config *config, int may_split) {
    struct ipv4 header;
    struct chain chain;
    struct new6 new;
    int result;
    if (!load4(packet, &header, &chain)) return drop(NAT64_DROP_MALFORMED);
    if (header.ttl == 0) return drop(NAT64_DROP_HOP_LIMIT);
    if (is_bundle(packet, chain.protocol)) return may_split ? TC_ACT_OK : drop(NAT64_DROP_KERNEL);
    result = addresses_to_6(packet, config, &header, &new.header);
    if (!result) result = four_to_six(packet, config, &header, &chain, 1, &new);
    if (result) return drop(result);
    return reenter(packet, config, ETHERTYPE_IPV6, NAT64_TRANSLATED_4_TO_6);
}

inlined int inner(struct __sk_buff *packet, int may_split) {
    const struct nat64_config *config = settings();
    if (!config) return TC_ACT_SHOT;
    if (packet->protocol == ETHERTYPE_IPV6) return inner6(packet, config, may_split);
    if (packet->protocol == ETHERTYPE_IPV4) return inner4(packet, config, may_split);
    return TC_ACT_SHOT;
}

SEC("tc")
int nat64_inner(struct __sk_buff *packet) { return inner(packet, 1); }

SEC("tc")
int nat64_split(struct __sk_buff *packet) { return inner(packet, 0); }

SEC("tc")
int nat64_outer(struct __sk_buff *packet) {
    const struct nat64_config *config = settings();
    struct ipv4 header;
    struct chain chain;
    struct new6 new;
    __u32 size;
    int result;
    if (!config) return TC_ACT_OK;
    if (packet->protocol == ETHERTYPE_IPV6) {
        /* Only the translator makes such sources. */
        struct nat64_address source;
        if (bpf_skb_load_bytes(packet, L3 + 8, &source, sizeof(source))) return TC_ACT_OK;
        return is_in_prefix(config, &source) ? drop(NAT64_DROP_SOURCE) : TC_ACT_OK;
    }
    if (packet->protocol != ETHERTYPE_IPV4 || !load4(packet, &header, &chain)) return TC_ACT_OK;
    /* Nobody outside has an address of ours. */
    if (bpf_map_lookup_elem(&by_ipv4, &header.source) || is_dynamic(config, header.source))
        return drop(NAT64_DROP_SOURCE);
    /* The stack sees to options, hop limits that end, fragments to be made, and what has been damaged. Fragments take
     * one way, all of them: connection tracking may put them together there. */
    size = size_of_one(packet, &chain, bpf_ntohs(header.length), sizeof(struct ipv6));
    if (chain.length != sizeof(header) || chain.is_fragment || header.ttl <= 1 || size > config->ipv6_mtu ||
        is_bundle(packet, chain.protocol) || !bpf_map_lookup_elem(&by_ipv4, &header.destination) ||
        fold(bpf_csum_diff(0, 0, (__be32 *)&header, sizeof(header), 0)) != 0xffff)
        return TC_ACT_OK;
    result = addresses_to_6(packet, config, &header, &new.header);
    if (!result) result = four_to_six(packet, config, &header, &chain, 0, &new);
    if (result) return drop(result);
    if (set_type(packet, ETHERTYPE_IPV6)) return drop(NAT64_DROP_KERNEL);
    packet->mark = NAT64_MARK;
    count(NAT64_TRANSLATED_4_TO_6);
    return TC_ACT_OK;
}

SEC("tc")
int nat64_announce(struct __sk_buff *packet) {
    const struct nat64_config *config = settings();
    if (config && packet->protocol == ETHERTYPE_IPV6) announce(packet, config);
    return TC_ACT_OK;
}

/* In the kernel's words for the licences above. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";
