/* The least an agent must read to know where it stands: links, their queues (the gates of ports), bridge FDB, IPv6
 * addresses and routes, and of the tables `kc` chains, rules, sets and what the agent has put into them, as bare netlink
 * dumps into nowhere.
 *
 * usage: dump          prints {"links":N,"element_messages":M,"seconds":S}
 */
#include <endian.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 18];

/* Names of the sets of table `kc`, as the last dump of sets has shown them. */
static char sets[64][64];
static int set_count;

static void remember(struct nlmsghdr *header) {
    struct nfgenmsg *generic = NLMSG_DATA(header);
    char *at = (char *)generic + NLMSG_ALIGN(sizeof *generic), *end = (char *)header + header->nlmsg_len;
    const char *table = "", *name = "";
    unsigned flags = 0;
    for (struct nlattr *attribute; at + NLA_HDRLEN <= end; at += NLA_ALIGN(attribute->nla_len)) {
        attribute = (void *)at;
        if (attribute->nla_len < NLA_HDRLEN) break;
        if (attribute->nla_type == NFTA_SET_TABLE) table = at + NLA_HDRLEN;
        if (attribute->nla_type == NFTA_SET_NAME) name = at + NLA_HDRLEN;
        if (attribute->nla_type == NFTA_SET_FLAGS) flags = be32toh(*(unsigned *)(at + NLA_HDRLEN));
    }
    /* What packets fill is nothing that the agent compares; constants are part of the rules. */
    if (strcmp(table, "kc") || flags & (NFT_SET_EVAL | NFT_SET_TIMEOUT | NFT_SET_ANONYMOUS) || set_count == 64) return;
    snprintf(sets[set_count++], sizeof *sets, "%s", name);
}

/* Sends one dump request and reads its answer to the end; gives the number of messages. */
static long dump(int family, const void *request, size_t size) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);
    if (fd < 0 || send(fd, request, size, 0) < 0) exit((perror("dump"), 1));
    for (long messages = 0;;) {
        ssize_t count = recv(fd, buffer, sizeof buffer, 0);
        if (count < 0) exit((perror("recv"), 1));
        for (struct nlmsghdr *header = (void *)buffer; NLMSG_OK(header, count); header = NLMSG_NEXT(header, count)) {
            if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
                close(fd);
                return messages;
            }
            if (header->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSET)) remember(header);
            messages++;
        }
    }
}

static long route_dump(int type, size_t body, int family) {
    struct { struct nlmsghdr header; char body[64]; } request = {0};
    request.header.nlmsg_len = NLMSG_LENGTH(body);
    request.header.nlmsg_type = type;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body[0] = family;
    return dump(NETLINK_ROUTE, &request, request.header.nlmsg_len);
}

static long set_dump(int family, const char *table, const char *set) {
    struct { struct nlmsghdr header; struct nfgenmsg generic; char attributes[64]; } request = {0};
    request.header.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.generic.nfgen_family = family;
    size_t size = 0;
    const char *texts[] = {table, set};
    for (int i = 0; i < 2; i++) {
        struct nlattr *attribute = (void *)(request.attributes + size);
        attribute->nla_type = i ? NFTA_SET_ELEM_LIST_SET : NFTA_SET_ELEM_LIST_TABLE;
        attribute->nla_len = NLA_HDRLEN + strlen(texts[i]) + 1;
        strcpy((char *)attribute + NLA_HDRLEN, texts[i]);
        size += NLA_ALIGN(attribute->nla_len);
    }
    request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.generic) + size;
    return dump(NETLINK_NETFILTER, &request, request.header.nlmsg_len);
}

static void table_dump(int type, int family) {
    struct { struct nlmsghdr header; struct nfgenmsg generic; } request = {0};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | type;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.generic.nfgen_family = family;
    dump(NETLINK_NETFILTER, &request, sizeof request);
}

int main(void) {
    struct timespec start, stop;
    clock_gettime(CLOCK_MONOTONIC, &start);
    long links = route_dump(RTM_GETLINK, sizeof(struct ifinfomsg), AF_UNSPEC);
    route_dump(RTM_GETQDISC, sizeof(struct tcmsg), AF_UNSPEC);
    route_dump(RTM_GETNEIGH, sizeof(struct ndmsg), AF_BRIDGE);
    route_dump(RTM_GETADDR, sizeof(struct ifaddrmsg), AF_INET6);
    route_dump(RTM_GETROUTE, sizeof(struct rtmsg), AF_INET6);
    long elements = 0;
    for (int i = 0; i < 2; i++) {
        int family = i ? NFPROTO_INET : NFPROTO_BRIDGE;
        table_dump(NFT_MSG_GETCHAIN, family);
        table_dump(NFT_MSG_GETRULE, family);
        set_count = 0;
        table_dump(NFT_MSG_GETSET, family);
        for (int set = 0; set < set_count; set++) elements += set_dump(family, "kc", sets[set]);
    }
    clock_gettime(CLOCK_MONOTONIC, &stop);
    printf("{\"links\":%ld,\"element_messages\":%ld,\"seconds\":%.6f}\n", links, elements,
           stop.tv_sec - start.tv_sec + (stop.tv_nsec - start.tv_nsec) / 1e9);
    return 0;
}
