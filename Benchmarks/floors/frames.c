/* Packets from one core: raw frames by a device, or UDP, as fast as it goes or at a rate; and a counter of UDP.
 *
 * usage: frames raw DEVICE HEX-FRAME SECONDS [RATE]       AF_PACKET past the queueing discipline
 *        frames udp ADDRESS PORT BYTES SECONDS [RATE]     a connected socket
 *        frames count ADDRESS PORT SECONDS                what a socket receives
 *        frames hold ADDRESS PORT                         a socket that never reads, until standard input ends
 * Prints {"packets":N,"seconds":S}; a rate is in packets a second.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32 };

static void die(const char *what) {
    fprintf(stderr, "frames: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void report(long packets, double seconds) { printf("{\"packets\":%ld,\"seconds\":%.6f}\n", packets, seconds); }

static void pump(int fd, void *data, size_t size, double seconds, double rate) {
    struct iovec piece = {data, size};
    struct mmsghdr messages[BATCH];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < BATCH; i++) messages[i].msg_hdr.msg_iov = &piece, messages[i].msg_hdr.msg_iovlen = 1;
    double begin = now(), end = begin + seconds, time = begin;
    long sent = 0;
    while (time < end) {
        int due = BATCH;
        if (rate > 0) {
            due = (time - begin) * rate - sent;
            if (due > BATCH) due = BATCH;
            if (due < 1) {
                time = now();
                continue;
            }
        }
        int count = sendmmsg(fd, messages, due, 0);
        if (count > 0) sent += count;
        else if (errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED) die("send");
        time = now();
    }
    report(sent, time - begin);
}

static struct sockaddr_in6 address(const char *text, const char *port) {
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(port))};
    if (inet_pton(AF_INET6, text, &to.sin6_addr) != 1) {
        fprintf(stderr, "frames: no address: %s\n", text);
        exit(2);
    }
    return to;
}

static int bound(const char *text, const char *port) {
    struct sockaddr_in6 own = address(text, port);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0), size = 32 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (fd < 0 || bind(fd, (void *)&own, sizeof own) < 0) die("bind");
    return fd;
}

int main(int count, char **words) {
    if (count >= 5 && !strcmp(words[1], "raw")) {
        unsigned char frame[1600];
        size_t size = strlen(words[3]) / 2;
        if (size < 14 || size > sizeof frame) return 2;
        for (size_t i = 0; i < size; i++) sscanf(words[3] + 2 * i, "%2hhx", &frame[i]);
        int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;
        struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(words[2])};
        if (fd < 0 || bind(fd, (void *)&to, sizeof to) < 0) die(words[2]);
        if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) < 0) die("PACKET_QDISC_BYPASS");
        pump(fd, frame, size, atof(words[4]), count > 5 ? atof(words[5]) : 0);
        return 0;
    }
    if (count >= 6 && !strcmp(words[1], "udp")) {
        static char data[65536];
        struct sockaddr_in6 to = address(words[2], words[3]);
        int fd = socket(AF_INET6, SOCK_DGRAM, 0);
        if (fd < 0 || connect(fd, (void *)&to, sizeof to) < 0) die("connect");
        pump(fd, data, atoi(words[4]), atof(words[5]), count > 6 ? atof(words[6]) : 0);
        return 0;
    }
    if (count == 5 && !strcmp(words[1], "count")) {
        int fd = bound(words[2], words[3]);
        struct timeval patience = {0, 50000};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        char data[2048];
        long packets = 0;
        double begin = now(), end = begin + atof(words[4]);
        while (now() < end)
            if (recv(fd, data, sizeof data, 0) >= 0) packets++;
        report(packets, now() - begin);
        return 0;
    }
    if (count == 4 && !strcmp(words[1], "hold")) {
        char byte;
        bound(words[2], words[3]);
        printf("ready\n");
        fflush(stdout);
        while (read(0, &byte, 1) > 0) {}
        return 0;
    }
    fprintf(stderr, "usage: frames raw|udp|count|hold …\n");
    return 2;
}
