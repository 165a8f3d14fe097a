/* The kernel's own speed: the set elements of one port added in one transaction, as fast as one thread of C can ask.
 *
 * usage: elements FILE           FILE has a line "port" before the elements of each port, and for each element
 *                                FAMILY SET KEY-HEX END-HEX|- mark:HEX|- RATE:BURST:UNIT:FLAGS|-
 * Adds one port after the other, takes each away again untimed, and prints {"microseconds":[…]}.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct element {
    int family;
    char set[64];
    unsigned char key[64], end[64];
    int key_size, end_size, has_mark, has_limit;
    unsigned mark;
    unsigned long long rate;
    unsigned burst, unit, flags;
};

static struct element elements[4096];
static char buffer[1 << 20];
static unsigned sequence;

static int hex(const char *text, unsigned char *bytes) {
    int size = strlen(text) / 2;
    for (int i = 0; i < size; i++) sscanf(text + 2 * i, "%2hhx", &bytes[i]);
    return size;
}

static int parse(char *line, struct element *e) {
    char key[160], end[160], value[96], limit[96];
    memset(e, 0, sizeof *e);
    if (sscanf(line, "%d %63s %159s %159s %95s %95s", &e->family, e->set, key, end, value, limit) != 6) return 0;
    e->key_size = hex(key, e->key);
    if (strcmp(end, "-")) e->end_size = hex(end, e->end);
    if (!strncmp(value, "mark:", 5)) e->has_mark = 1, e->mark = strtoul(value + 5, NULL, 16);
    if (sscanf(limit, "%llu:%u:%u:%u", &e->rate, &e->burst, &e->unit, &e->flags) == 4) e->has_limit = 1;
    return 1;
}

static struct nlmsghdr *message(char *at, int type, int family, int flags, int resource) {
    struct nlmsghdr *header = mnl_nlmsg_put_header(at);
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    header->nlmsg_seq = ++sequence;
    struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(header, sizeof *generic);
    generic->nfgen_family = family;
    generic->version = NFNETLINK_V0;
    generic->res_id = htons(resource);
    return header;
}

static void put_data(struct nlmsghdr *header, int type, const void *bytes, int size) {
    struct nlattr *nest = mnl_attr_nest_start(header, type);
    mnl_attr_put(header, NFTA_DATA_VALUE, size, bytes);
    mnl_attr_nest_end(header, nest);
}

static void put_element(struct nlmsghdr *header, const struct element *e, int adding) {
    struct nlattr *nest = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
    put_data(header, NFTA_SET_ELEM_KEY, e->key, e->key_size);
    if (e->end_size) put_data(header, NFTA_SET_ELEM_KEY_END, e->end, e->end_size);
    if (adding && e->has_mark) put_data(header, NFTA_SET_ELEM_DATA, &e->mark, 4);
    if (adding && e->has_limit) {
        struct nlattr *expression = mnl_attr_nest_start(header, NFTA_SET_ELEM_EXPR);
        mnl_attr_put_strz(header, NFTA_EXPR_NAME, "limit");
        struct nlattr *data = mnl_attr_nest_start(header, NFTA_EXPR_DATA);
        mnl_attr_put_u64(header, NFTA_LIMIT_RATE, htobe64(e->rate));
        mnl_attr_put_u64(header, NFTA_LIMIT_UNIT, htobe64(1));
        mnl_attr_put_u32(header, NFTA_LIMIT_BURST, htonl(e->burst));
        mnl_attr_put_u32(header, NFTA_LIMIT_TYPE, htonl(e->unit));
        mnl_attr_put_u32(header, NFTA_LIMIT_FLAGS, htonl(e->flags));
        mnl_attr_nest_end(header, data);
        mnl_attr_nest_end(header, expression);
    }
    mnl_attr_nest_end(header, nest);
}

/* One transaction; one message for each run of elements of one set, the last asks for the acknowledgement. */
static void change(struct mnl_socket *socket, int count, int adding) {
    char *at = buffer;
    struct nlmsghdr *header = message(at, NFNL_MSG_BATCH_BEGIN, AF_UNSPEC, 0, NFNL_SUBSYS_NFTABLES);
    at += header->nlmsg_len;
    for (int i = 0; i < count;) {
        int stop = i;
        while (stop < count && !strcmp(elements[stop].set, elements[i].set)) stop++;
        header = message(at, NFNL_SUBSYS_NFTABLES << 8 | (adding ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM), elements[i].family,
                         (adding ? NLM_F_CREATE : 0) | (stop == count ? NLM_F_ACK : 0), 0);
        mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, "kc");
        mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, elements[i].set);
        struct nlattr *list = mnl_attr_nest_start(header, NFTA_SET_ELEM_LIST_ELEMENTS);
        for (; i < stop; i++) put_element(header, &elements[i], adding);
        mnl_attr_nest_end(header, list);
        at += header->nlmsg_len;
    }
    header = message(at, NFNL_MSG_BATCH_END, AF_UNSPEC, 0, NFNL_SUBSYS_NFTABLES);
    at += header->nlmsg_len;
    if (mnl_socket_sendto(socket, buffer, at - buffer) < 0) perror("elements: send"), exit(1);
    char reply[8192];
    ssize_t size = mnl_socket_recvfrom(socket, reply, sizeof reply);
    if (size < 0) perror("elements: receive"), exit(1);
    struct nlmsghdr *answer = (void *)reply;
    struct nlmsgerr *error = mnl_nlmsg_get_payload(answer);
    if (answer->nlmsg_type != NLMSG_ERROR || error->error) {
        fprintf(stderr, "elements: %s: %s\n", adding ? "add" : "delete", strerror(-error->error));
        exit(1);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void one(struct mnl_socket *socket, int count, int *first) {
    if (!count) return;
    double begin = now();
    change(socket, count, 1);
    printf("%s%.1f", *first ? "" : ",", now() - begin);
    *first = 0;
    change(socket, count, 0);
}

int main(int arguments, char **words) {
    FILE *file = arguments == 2 ? fopen(words[1], "r") : NULL;
    if (!file) {
        fprintf(stderr, "usage: elements FILE\n");
        return 2;
    }
    struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
    if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) perror("elements: socket"), exit(1);
    char line[1024];
    int count = 0, first = 1;
    printf("{\"microseconds\":[");
    while (fgets(line, sizeof line, file)) {
        if (!strncmp(line, "port", 4)) {
            one(socket, count, &first);
            count = 0;
        } else if (count < 4096 && parse(line, &elements[count])) count++;
    }
    one(socket, count, &first);
    printf("]}\n");
    return 0;
}
