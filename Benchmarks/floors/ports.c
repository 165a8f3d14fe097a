/* The kernel's own time for one port more: a tap with the settings KC gives it on one of four bridges that have N ports
 * together, and a look at it afterwards, one request after the other in one thread of C.
 *
 * usage: ports N SAMPLES       prints {"ports":N,"milliseconds":M}, M the median of SAMPLES ports after the first N
 *
 * Per port: TUNSETIFF with vnet_hdr, IPv6 off, its gate, then alias, MTU, bridge and up in one message,
 * persistent, RTM_GETLINK. Left out is the element of the packet filter's set, which costs the same at any N.
 */
#define _GNU_SOURCE
#include "rtnetlink.h"

#define BRIDGES 4

static unsigned bridges[BRIDGES];

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
