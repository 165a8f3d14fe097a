/* The kernel's own time for one port more: a tap with the settings KC gives it on one of four bridges that have N ports
 * together, and a look at it afterwards, one request after the other in one thread of C.
 *
 * usage: ports N SAMPLES       prints {"ports":N,"milliseconds":M}, M the median of SAMPLES ports after the first N
 *
 * Per port: TUNSETIFF with vnet_hdr, IPv6 off, its gate, then alias, MTU, bridge and up in one message,
 * persistent, RTM_GETLINK. Left out is the element of the packet filter's set, which costs the same at any N.
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

#define BRIDGES 4

static int netlink_fd;
static unsigned sequence;
static unsigned bridges[BRIDGES];
static union { struct nlmsghdr header; char bytes[2048]; } message;

static void die(const char *what, int error) {
    fprintf(stderr, "ports: %s: %s\n", what, strerror(error));
    exit(1);
}

static void begin(int type, int flags, int up) {
    memset(&message, 0, NLMSG_LENGTH(sizeof(struct ifinfomsg)));
    message.header.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg));
    message.header.nlmsg_type = type;
    message.header.nlmsg_flags = NLM_F_REQUEST | flags;
    message.header.nlmsg_seq = ++sequence;
    struct ifinfomsg *info = NLMSG_DATA(&message.header);
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

static int answer(const char *what) {
    char reply[1 << 15];
    if (send(netlink_fd, &message, message.header.nlmsg_len, 0) < 0) die(what, errno);
    if (recv(netlink_fd, reply, sizeof reply, 0) < 0) die(what, errno);
    struct nlmsghdr *header = (void *)reply;
    return header->nlmsg_type == NLMSG_ERROR ? -((struct nlmsgerr *)NLMSG_DATA(header))->error : 0;
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

static void bring_up(const char *name, unsigned master, unsigned mtu, int number) {
    char alias[64];
    snprintf(alias, sizeof alias, "kc:attachment/00000000-0000-0000-0000-%012d", number);
    begin(RTM_NEWLINK, NLM_F_ACK, 1);
    put_text(IFLA_IFNAME, name);
    put_text(IFLA_IFALIAS, alias);
    put_u32(IFLA_MTU, mtu);
    if (master) put_u32(IFLA_MASTER, master);
    ask("bring up");
}

static void add_bridge(int number) {
    char name[16];
    snprintf(name, sizeof name, "kcb%06x", number);
    begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0);
    put_text(IFLA_IFNAME, name);
    struct rtattr *info = put(IFLA_LINKINFO, NULL, 0);
    put(IFLA_INFO_KIND, "bridge", 6);
    struct rtattr *data = put(IFLA_INFO_DATA, NULL, 0);
    unsigned char off = 0;
    put(IFLA_BR_MCAST_SNOOPING, &off, 1);
    end(data);
    end(info);
    ask("create bridge");
    ipv6_off(name);
    bring_up(name, 0, 1430, number);
    bridges[number] = if_nametoindex(name);
}

static void add_port(int number) {
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    snprintf(request.ifr_name, sizeof request.ifr_name, "kctf%05d", number);
    int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0) die("tap", errno);
    ipv6_off(request.ifr_name);
    gate(if_nametoindex(request.ifr_name));
    bring_up(request.ifr_name, bridges[number % BRIDGES], 1430, number);
    if (ioctl(tun, TUNSETPERSIST, 1) < 0) die("persist", errno);
    close(tun);
    begin(RTM_GETLINK, 0, 0);
    put_text(IFLA_IFNAME, request.ifr_name);
    put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    ask("look");
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

int main(int count, char **words) {
    int ports = count == 3 ? atoi(words[1]) : 0, samples = count == 3 ? atoi(words[2]) : 0;
    if (ports < 1 || samples < 1 || ports + samples > BRIDGES * 1000) {
        fprintf(stderr, "usage: ports N SAMPLES\n");
        return 2;
    }
    netlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int one = 1;
    setsockopt(netlink_fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
    for (int i = 0; i < BRIDGES; i++) add_bridge(i);
    for (int i = 0; i < ports; i++) add_port(i);
    double *times = calloc(samples, sizeof *times);
    for (int i = 0; i < samples; i++) {
        struct timespec start, stop, pause = {.tv_nsec = 2000000};
        clock_gettime(CLOCK_MONOTONIC, &start);
        add_port(ports + i);
        clock_gettime(CLOCK_MONOTONIC, &stop);
        times[i] = (stop.tv_sec - start.tv_sec) * 1e3 + (stop.tv_nsec - start.tv_nsec) / 1e6;
        /* As between two requests of a customer: what the kernel does afterwards is over. */
        nanosleep(&pause, NULL);
    }
    qsort(times, samples, sizeof *times, compare);
    printf("{\"ports\":%d,\"milliseconds\":%.4f}\n", ports, times[samples / 2]);
    return 0;
}
