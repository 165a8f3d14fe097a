/* The kernel's own speed: N networks (bridge + VXLAN + tap) with the settings KC gives its devices, as fast as one
 * thread of C can ask for them.
 *
 * usage: networks N UNDERLAY-IFINDEX LOCAL-IPV6 [gates]       prints {"networks":N,"seconds":S}
 *
 * Per bridge: alias, MTU, multicast snooping off, nf_call off, IPv6 off before it goes up. Per VXLAN: group (256 shared),
 * local, port 4789, hop limit 64, UDP checksum, alias, MTU, in the bridge, IPv6 off, up. Per tap: TUNSETIFF with
 * vnet_hdr, persistent, alias, MTU, in the bridge, IPv6 off, up; with `gates` each tunnel and tap has its gates first. Each request waits
 * for its acknowledgement.
 */
#define _GNU_SOURCE
#include "rtnetlink.h"

static void put_u8(int type, unsigned char value) { put(type, &value, 1); }

static void bring_up(const char *name, unsigned master, const char *alias, unsigned mtu) {
    begin(RTM_NEWLINK, NLM_F_ACK, 1);
    put_text(IFLA_IFNAME, name);
    if (alias) put_text(IFLA_IFALIAS, alias);
    if (mtu) put_u32(IFLA_MTU, mtu);
    if (master) put_u32(IFLA_MASTER, master);
    ask("bring up");
}

int main(int count, char **words) {
    int has_gates = count == 5 && !strcmp(words[4], "gates");
    if (count != 4 && !has_gates) {
        fprintf(stderr, "usage: networks N UNDERLAY-IFINDEX LOCAL-IPV6 [gates]\n");
        return 2;
    }
    int networks = atoi(words[1]);
    unsigned underlay = atoi(words[2]);
    struct in6_addr local, group;
    if (inet_pton(AF_INET6, words[3], &local) != 1) die("local address", EINVAL);
    inet_pton(AF_INET6, "ff15::8b00:0", &group);
    netlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int one = 1;
    setsockopt(netlink_fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);

    struct timespec start, stop;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < networks; i++) {
        char bridge[16], vxlan[16], tap[16], alias[64];
        unsigned vni = 4096 + i, mtu = 1430;
        snprintf(bridge, sizeof bridge, "kcb%06x", vni);
        snprintf(vxlan, sizeof vxlan, "kcx%06x", vni);
        snprintf(tap, sizeof tap, "kctf%05u", (unsigned)i % 100000);
        snprintf(alias, sizeof alias, "kc:segment/00000000-0000-0000-0000-%012d", i);

        begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0);
        put_text(IFLA_IFNAME, bridge);
        put_u32(IFLA_MTU, mtu);
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
        bring_up(bridge, 0, alias, 0);
        unsigned bridge_index = if_nametoindex(bridge);

        begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0);
        put_text(IFLA_IFNAME, vxlan);
        put_u32(IFLA_MTU, mtu);
        info = put(IFLA_LINKINFO, NULL, 0);
        put(IFLA_INFO_KIND, "vxlan", 5);
        data = put(IFLA_INFO_DATA, NULL, 0);
        put_u32(IFLA_VXLAN_ID, vni);
        group.s6_addr[15] = vni % 256;
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
        if (has_gates) tunnel_gates(if_nametoindex(vxlan));
        bring_up(vxlan, bridge_index, alias, 0);

        int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
        memcpy(request.ifr_name, tap, sizeof tap);
        if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0 || ioctl(tun, TUNSETPERSIST, 1) < 0) die("tap", errno);
        close(tun);
        ipv6_off(tap);
        if (has_gates) gate(if_nametoindex(tap));
        snprintf(alias, sizeof alias, "kc:attachment/00000000-0000-0000-0000-%012d", i);
        bring_up(tap, bridge_index, alias, mtu);
    }
    clock_gettime(CLOCK_MONOTONIC, &stop);
    printf("{\"networks\":%d,\"seconds\":%.6f}\n", networks,
           stop.tv_sec - start.tv_sec + (stop.tv_nsec - start.tv_nsec) / 1e9);
    return 0;
}
