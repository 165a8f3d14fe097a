/* The kernel's own speed: N networks (bridge + VXLAN + tap) with the settings KC gives its devices, as fast as one
 * thread of C can ask for them.
 *
 * usage: networks N UNDERLAY-IFINDEX LOCAL-IPV6 [gates]       prints {"networks":N,"seconds":S}
 *
 * Per bridge: alias, MTU, multicast snooping off, nf_call off, IPv6 off before it goes up. Per VXLAN: group (256 shared),
 * local, port 4789, hop limit 64, UDP checksum, alias, MTU, in the bridge, IPv6 off, up. Per tap: TUNSETIFF with
 * vnet_hdr, persistent, alias, MTU, in the bridge, IPv6 off, up; with `gates` each has its gate first. Each request waits for its acknowledgement.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int netlink_fd;
static unsigned sequence;
static union { struct nlmsghdr header; char bytes[2048]; } message;

static void die(const char *what, int error) {
    fprintf(stderr, "networks: %s: %s\n", what, strerror(error));
    exit(1);
}

static void begin(int type, int flags, int index, int up) {
    memset(&message, 0, NLMSG_LENGTH(sizeof(struct ifinfomsg)));
    message.header.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg));
    message.header.nlmsg_type = type;
    message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    message.header.nlmsg_seq = ++sequence;
    struct ifinfomsg *info = NLMSG_DATA(&message.header);
    info->ifi_index = index;
    if (up) info->ifi_flags = info->ifi_change = IFF_UP;
}

static struct rtattr *put(int type, const void *data, size_t size) {
    struct rtattr *attribute = (void *)(message.bytes + NLMSG_ALIGN(message.header.nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = RTA_LENGTH(size);
    if (size) memcpy(RTA_DATA(attribute), data, size);
    message.header.nlmsg_len = NLMSG_ALIGN(message.header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
    return attribute;
}

static void end(struct rtattr *nest) { nest->rta_len = message.bytes + message.header.nlmsg_len - (char *)nest; }
static void put_text(int type, const char *text) { put(type, text, strlen(text) + 1); }
static void put_u32(int type, unsigned value) { put(type, &value, 4); }
static void put_u8(int type, unsigned char value) { put(type, &value, 1); }

static int answer(const char *what) {
    char reply[4096];
    if (send(netlink_fd, &message, message.header.nlmsg_len, 0) < 0) die(what, errno);
    if (recv(netlink_fd, reply, sizeof reply, 0) < 0) die(what, errno);
    return -((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)reply))->error;
}

static void ask(const char *what) {
    int error = answer(what);
    if (error) die(what, error);
}

static void ask_unless_there(const char *what) {
    int error = answer(what);
    if (error && error != EEXIST) die(what, error);
}

static void begin_queue(int type, unsigned device, unsigned parent, unsigned information) {
    memset(&message, 0, NLMSG_LENGTH(sizeof(struct tcmsg)));
    message.header.nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg));
    message.header.nlmsg_type = type;
    message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    message.header.nlmsg_seq = ++sequence;
    struct tcmsg *body = NLMSG_DATA(&message.header);
    body->tcm_ifindex = (int)device;
    body->tcm_parent = parent;
    body->tcm_handle = information ? 1 : TC_H_CLSACT & 0xffff0000;
    body->tcm_info = information;
}

/* The gate of a port, as KC makes it (docs/decisions/0007): a queue bound to the blocks of all ports, and the program in
 * theirs, which is there after the first. */
static void gate(unsigned device) {
    static const struct sock_filter program[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, SKF_AD_OFF + SKF_AD_MARK},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x6b6300ff},
        {BPF_RET | BPF_K, 0, 0, 0xffffffff},
        {BPF_RET | BPF_K, 0, 0, 2},
    };
    const unsigned received = 0x6b630000, sent = 0x6b630001, direct = 1;
    const unsigned short length = sizeof program / sizeof *program;
    begin_queue(RTM_NEWQDISC, device, TC_H_CLSACT, 0);
    put(TCA_KIND, "clsact", 7);
    put(TCA_INGRESS_BLOCK, &received, 4);
    put(TCA_EGRESS_BLOCK, &sent, 4);
    ask("queue");
    begin_queue(RTM_NEWTFILTER, TCM_IFINDEX_MAGIC_BLOCK, sent, 100 << 16 | htons(ETH_P_ALL));
    put(TCA_KIND, "bpf", 4);
    struct rtattr *options = put(TCA_OPTIONS, NULL, 0);
    put(TCA_BPF_OPS_LEN, &length, 2);
    put(TCA_BPF_OPS, program, sizeof program);
    put(TCA_BPF_FLAGS, &direct, 4);
    end(options);
    ask_unless_there("gate");
}

static void ipv6_off(const char *name) {
    char path[96];
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "1", 1) != 1) die(path, errno);
    close(fd);
}

static void bring_up(const char *name, unsigned master, const char *alias, unsigned mtu) {
    begin(RTM_NEWLINK, 0, 0, 1);
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

        begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0);
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

        begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0);
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
