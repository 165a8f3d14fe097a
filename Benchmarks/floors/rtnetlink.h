/* What floors that make devices share: one netlink request at a time, each with its answer. Needs _GNU_SOURCE. */
#pragma once
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
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(error));
    exit(1);
}

/* NLM_F_REQUEST stands in all of them. */
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

/* A queue bound to the blocks of all devices of its kind. */
static void shared_queue(unsigned device, unsigned received, unsigned sent) {
    begin_queue(RTM_NEWQDISC, device, TC_H_CLSACT, 0);
    put(TCA_KIND, "clsact", 7);
    put(TCA_INGRESS_BLOCK, &received, 4);
    put(TCA_EGRESS_BLOCK, &sent, 4);
    ask("queue");
}

/* The program of a block, which is there after the first: nothing passes without this mark. */
static void program_of(unsigned block, unsigned mark) {
    const struct sock_filter program[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, SKF_AD_OFF + SKF_AD_MARK},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, mark},
        {BPF_RET | BPF_K, 0, 0, 0xffffffff},
        {BPF_RET | BPF_K, 0, 0, 2},
    };
    const unsigned direct = 1;
    const unsigned short length = sizeof program / sizeof *program;
    begin_queue(RTM_NEWTFILTER, TCM_IFINDEX_MAGIC_BLOCK, block, 100 << 16 | htons(ETH_P_ALL));
    put(TCA_KIND, "bpf", 4);
    struct rtattr *options = put(TCA_OPTIONS, NULL, 0);
    put(TCA_BPF_OPS_LEN, &length, 2);
    put(TCA_BPF_OPS, program, sizeof program);
    put(TCA_BPF_FLAGS, &direct, 4);
    end(options);
    ask_unless_there("gate");
}

/* The gate of a port, as KC makes it (docs/decisions/0007). */
static void gate(unsigned device) {
    shared_queue(device, 0x6b630000, 0x6b630001);
    program_of(0x6b630001, 0x6b6300ff);
}

/* The gates of a tunnel: as many requests as KC's, though KC's second program also clears the mark. */
static inline void tunnel_gates(unsigned device) {
    shared_queue(device, 0x6b630002, 0x6b630003);
    program_of(0x6b630002, 0x6b6300fe);
    program_of(0x6b630003, 0x6b6300ff);
}

static void ipv6_off(const char *name) {
    char path[96];
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "1", 1) != 1) die(path, errno);
    close(fd);
}
