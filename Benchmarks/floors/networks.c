/* The kernel's own speed: N networks (bridge + VXLAN + tap) with the settings KC gives its devices, as fast as one
 * thread of C can ask for them.
 *
 * usage: networks N UNDERLAY-IFINDEX LOCAL-IPV6 [gates|together]       prints {"networks":N,"seconds":S}
 *
 * Per bridge: alias, MTU, multicast snooping off, nf_call off, IPv6 off before it goes up. Per VXLAN: group (256 shared),
 * local, port 4789, hop limit 64, UDP checksum, alias, MTU, in the bridge, IPv6 off, up. Per tap: TUNSETIFF with
 * vnet_hdr, persistent, alias, MTU, in the bridge, IPv6 off, up; with `gates` each tunnel and tap has its gates first. Each request waits
 * for its acknowledgement. `together` makes the same in KC's order: the queues of many devices, then the programs in
 * their blocks, then bridges and up (docs/decisions/0048).
 */
#define _GNU_SOURCE
#include "rtnetlink.h"

enum { TOGETHER = 64, MTU = 1430 };

static unsigned underlay;
static struct in6_addr local;
static unsigned bridges[TOGETHER], taps[TOGETHER];

static void put_u8(int type, unsigned char value) { put(type, &value, 1); }

static void bring_up(const char *name, unsigned master, const char *alias, unsigned mtu) {
    begin(RTM_NEWLINK, NLM_F_ACK, 1);
    put_text(IFLA_IFNAME, name);
    if (alias) put_text(IFLA_IFALIAS, alias);
    if (mtu) put_u32(IFLA_MTU, mtu);
    if (master) put_u32(IFLA_MASTER, master);
    ask("bring up");
}

static const char *name(const char *kind, int i) {
    static char text[16];
    snprintf(text, sizeof text, "%s%06x", kind, 4096 + i);
    return text;
}

static const char *segment(int i) {
    static char text[64];
    snprintf(text, sizeof text, "kc:segment/00000000-0000-0000-0000-%012d", i);
    return text;
}

static void make_bridge(int i) {
    const char *bridge = name("kcb", i);
    begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0);
    put_text(IFLA_IFNAME, bridge);
    put_u32(IFLA_MTU, MTU);
    struct rtattr *info = put(IFLA_LINKINFO, NULL, 0);
    put(IFLA_INFO_KIND, "bridge", 6);
    struct rtattr *data = put(IFLA_INFO_DATA, NULL, 0);
    put_u8(IFLA_BR_MCAST_SNOOPING, 0);
    put_u8(IFLA_BR_NF_CALL_IPTABLES, 0);
    put_u8(IFLA_BR_NF_CALL_IP6TABLES, 0);
    put_u8(IFLA_BR_NF_CALL_ARPTABLES, 0);
    end(data);
    end(info);
    ask("create bridge");
    ipv6_off(bridge);
    bring_up(bridge, 0, segment(i), 0);
    bridges[i % TOGETHER] = if_nametoindex(bridge);
}

/* Down. Its index. */
static unsigned make_tunnel(int i) {
    const char *vxlan = name("kcx", i);
    struct in6_addr group;
    inet_pton(AF_INET6, "ff15::8b00:0", &group);
    begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0);
    put_text(IFLA_IFNAME, vxlan);
    put_u32(IFLA_MTU, MTU);
    struct rtattr *info = put(IFLA_LINKINFO, NULL, 0);
    put(IFLA_INFO_KIND, "vxlan", 5);
    struct rtattr *data = put(IFLA_INFO_DATA, NULL, 0);
    put_u32(IFLA_VXLAN_ID, 4096 + i);
    group.s6_addr[15] = i % 256;
    put(IFLA_VXLAN_GROUP6, &group, 16);
    put(IFLA_VXLAN_LOCAL6, &local, 16);
    put_u32(IFLA_VXLAN_LINK, underlay);
    unsigned short port = htons(4789);
    put(IFLA_VXLAN_PORT, &port, 2);
    put_u8(IFLA_VXLAN_TTL, 64);
    put_u8(IFLA_VXLAN_LEARNING, 1);
    put_u8(IFLA_VXLAN_UDP_ZERO_CSUM6_TX, 0);
    put_u8(IFLA_VXLAN_UDP_ZERO_CSUM6_RX, 0);
    end(data);
    end(info);
    ask("create vxlan");
    ipv6_off(vxlan);
    return if_nametoindex(vxlan);
}

static void join_tunnel(int i) { bring_up(name("kcx", i), bridges[i % TOGETHER], segment(i), 0); }

/* Down, and gone with its descriptor. Its index. */
static unsigned make_tap(int i) {
    int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name("kct", i));
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0) die("tap", errno);
    taps[i % TOGETHER] = (unsigned)tun;
    ipv6_off(name("kct", i));
    return if_nametoindex(name("kct", i));
}

static void keep_tap(int i) {
    int tun = (int)taps[i % TOGETHER];
    if (ioctl(tun, TUNSETPERSIST, 1) < 0) die("tap", errno);
    close(tun);
}

static void join_tap(int i) {
    char alias[64];
    snprintf(alias, sizeof alias, "kc:attachment/00000000-0000-0000-0000-%012d", i);
    bring_up(name("kct", i), bridges[i % TOGETHER], alias, MTU);
}

static void one_by_one(int networks, int has_gates) {
    for (int i = 0; i < networks; i++) {
        make_bridge(i);
        unsigned tunnel = make_tunnel(i);
        if (has_gates) tunnel_gates(tunnel);
        join_tunnel(i);
        unsigned tap = make_tap(i);
        keep_tap(i);
        if (has_gates) gate(tap);
        join_tap(i);
    }
}

static void together(int networks) {
    for (int first = 0; first < networks; first += TOGETHER) {
        int last = first + TOGETHER < networks ? first + TOGETHER : networks;
        unsigned blocks = 0x6b630000 + 4 * (first / TOGETHER);
        for (int i = first; i < last; i++) {
            make_bridge(i);
            shared_queue(make_tunnel(i), blocks + 2, blocks + 3);
            shared_queue(make_tap(i), blocks, blocks + 1);
        }
        program_of(blocks + 1, 0x6b6300ff);
        program_of(blocks + 2, 0x6b6300fe);
        program_of(blocks + 3, 0x6b6300ff);
        for (int i = first; i < last; i++) {
            join_tunnel(i);
            join_tap(i);
            keep_tap(i);
        }
    }
}

int main(int count, char **words) {
    const char *mode = count == 5 ? words[4] : "";
    int has_gates = !strcmp(mode, "gates"), is_together = !strcmp(mode, "together");
    if (count != 4 && !has_gates && !is_together) {
        fprintf(stderr, "usage: networks N UNDERLAY-IFINDEX LOCAL-IPV6 [gates|together]\n");
        return 2;
    }
    int networks = atoi(words[1]);
    underlay = atoi(words[2]);
    if (inet_pton(AF_INET6, words[3], &local) != 1) die("local address", EINVAL);
    netlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int one = 1;
    setsockopt(netlink_fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);

    struct timespec start, stop;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (is_together) {
        together(networks);
    } else {
        one_by_one(networks, has_gates);
    }
    clock_gettime(CLOCK_MONOTONIC, &stop);
    printf("{\"networks\":%d,\"seconds\":%.6f}\n", networks,
           stop.tv_sec - start.tv_sec + (stop.tv_nsec - start.tv_nsec) / 1e9);
    return 0;
}
