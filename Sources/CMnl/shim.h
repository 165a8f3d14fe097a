#pragma once
/* libmnl and the kernel headers KC speaks netlink with. netinet/in.h and net/if.h must come before any
   linux header, which then leave the types they share to them. */
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/icmp6.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <net/if.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/ethtool.h>
#include <linux/if_bridge.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/gen_stats.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/veth.h>
#include <linux/virtio_net.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <libmnl/libmnl.h>

/* _GNU_SOURCE functions and macros that the Glibc module does not show. */
int setns(int fd, int nstype);
int unshare(int flags);
enum { CMNL_CLONE_NEWNET = 0x40000000, CMNL_CLONE_NEWNS = 0x00020000 };

static inline long cmnl_socket_buffer_size(void) { return MNL_SOCKET_BUFFER_SIZE; }

/* ioctls whose numbers are macros of sizeof(), which Swift does not see. All answer -1 with errno. */

/* SIOCGIFINDEX: the index of a device in the namespace that `fd`, any socket, was opened in. */
static inline int cmnl_interface_index(int fd, const char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    return ioctl(fd, SIOCGIFINDEX, &request) < 0 ? -1 : request.ifr_ifindex;
}

/* SIOCGIFNAME: the name of a device; `name` has IFNAMSIZ bytes. */
static inline int cmnl_interface_name(int fd, int index, char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    request.ifr_ifindex = index;
    if (ioctl(fd, SIOCGIFNAME, &request) < 0) return -1;
    memcpy(name, request.ifr_name, IFNAMSIZ);
    return 0;
}

/* sendto(2) of a whole frame on a packet socket; sockaddr_ll has no name in Glibc's module. -1 with errno. */
static inline long cmnl_send_frame(int fd, int index, const void *frame, size_t length) {
    struct sockaddr_ll to;
    memset(&to, 0, sizeof to);
    to.sll_family = AF_PACKET;
    to.sll_ifindex = index;
    return sendto(fd, frame, length, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
}

/* SO_ATTACH_FILTER: a classic BPF program that decides what a socket hears. */
static inline int cmnl_attach_filter(int fd, const struct sock_filter *program, unsigned short count) {
    struct sock_fprog attached = {count, (struct sock_filter *)program};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached);
}

/* Binds a packet socket to a device and lets it say more about each packet (PACKET_AUXDATA). */
static inline int cmnl_bind_packet(int fd, int index, unsigned short protocol) {
    struct sockaddr_ll here;
    int one = 1;
    memset(&here, 0, sizeof here);
    here.sll_family = AF_PACKET;
    here.sll_protocol = htons(protocol);
    here.sll_ifindex = index;
    if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one) < 0) return -1;
    return bind(fd, (struct sockaddr *)&here, sizeof here);
}

/* BPF_PROG_LOAD of a program of type BPF_PROG_TYPE_SCHED_CLS that calls nothing: its descriptor, or -1 with errno. */
static inline int cmnl_load_classifier(const char *name, const uint64_t *instructions, unsigned count) {
    union bpf_attr request;
    memset(&request, 0, sizeof request);
    request.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    request.insns = (uint64_t)(uintptr_t)instructions;
    request.insn_cnt = count;
    request.license = (uint64_t)(uintptr_t)"";
    strncpy(request.prog_name, name, sizeof request.prog_name - 1);
    return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &request, sizeof request);
}

/* Where programs see the frames of a device without a queue (tcx, Linux 6.6): BPF_TCX_INGRESS and BPF_TCX_EGRESS of
   linux/bpf.h, which older headers lack. */
enum { CMNL_TCX_INGRESS = 46, CMNL_TCX_EGRESS = 47 };

/* BPF_PROG_ATTACH, behind the programs that are there. 0, or -1 with errno: EINVAL where the kernel knows no such place. */
static inline int cmnl_attach_classifier(int program, int index, unsigned place) {
    union bpf_attr request;
    memset(&request, 0, sizeof request);
    request.target_fd = (uint32_t)index;
    request.attach_bpf_fd = (uint32_t)program;
    request.attach_type = place;
    return (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &request, sizeof request);
}

/* BPF_PROG_QUERY: how many of the programs' ids are in `ids` now, or -1 with errno (ENOSPC when there are more). */
static inline int cmnl_query_classifiers(int index, unsigned place, uint32_t *ids, unsigned count) {
    union bpf_attr request;
    memset(&request, 0, sizeof request);
    request.query.target_fd = (uint32_t)index;
    request.query.attach_type = place;
    request.query.prog_ids = (uint64_t)(uintptr_t)ids;
    request.query.prog_cnt = count;
    long failure = syscall(SYS_bpf, BPF_PROG_QUERY, &request, sizeof request);
    return failure ? -1 : (int)request.query.prog_cnt;
}

/* The name of a loaded program (16 bytes, with the final zero): 0, or -1 with errno. */
static inline int cmnl_classifier_name(uint32_t id, char name[16]) {
    union bpf_attr request;
    struct bpf_prog_info information;
    memset(&request, 0, sizeof request);
    memset(&information, 0, sizeof information);
    request.prog_id = id;
    int program = (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &request, sizeof request);
    if (program < 0) return -1;
    memset(&request, 0, sizeof request);
    request.info.bpf_fd = (uint32_t)program;
    request.info.info_len = sizeof information;
    request.info.info = (uint64_t)(uintptr_t)&information;
    long failure = syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &request, sizeof request);
    close(program);
    if (failure) return -1;
    memcpy(name, information.name, 16);
    name[15] = 0;
    return 0;
}

/* What the kernel says about a packet beside it. */
union cmnl_packet_control { struct cmsghdr header; char space[256]; };

/* recvmsg(2) on a packet socket: the packet and its sll_pkttype; what else is said of it is in `control`, for CMSG_FIRSTHDR of
   `message`. -1 with errno; never waits. */
static inline long cmnl_receive_message(
    int fd, void *buffer, size_t length, uint8_t *type, union cmnl_packet_control *control, struct msghdr *message) {
    struct sockaddr_ll from;
    struct iovec part = {buffer, length};
    memset(message, 0, sizeof *message);
    memset(&from, 0, sizeof from);
    message->msg_name = &from;
    message->msg_namelen = sizeof from;
    message->msg_iov = &part;
    message->msg_iovlen = 1;
    message->msg_control = control;
    message->msg_controllen = sizeof *control;
    long count = recvmsg(fd, message, MSG_DONTWAIT);
    /* Both are on this function's stack. */
    message->msg_name = NULL;
    message->msg_iov = NULL;
    if (count >= 0) *type = from.sll_pkttype;
    return count < 0 ? -1 : count;
}

/* The packet, its sll_pkttype and its tp_status. -1 with errno; never waits. */
static inline long cmnl_receive_packet(int fd, void *buffer, size_t length, uint8_t *type, uint32_t *status) {
    union cmnl_packet_control control;
    struct msghdr message;
    long count = cmnl_receive_message(fd, buffer, length, type, &control, &message);
    if (count < 0) return -1;
    *status = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_PACKET || header->cmsg_type != PACKET_AUXDATA) continue;
        struct tpacket_auxdata data;
        memcpy(&data, CMSG_DATA(header), sizeof data);
        *status = data.tp_status;
    }
    return count;
}

/* The same for a capture: nanoseconds since 1970 when the kernel saw the packet (SO_TIMESTAMPNS), and the length that it had
   before the socket's filter cut it. */
static inline long cmnl_receive_captured(
    int fd, void *buffer, size_t length, uint8_t *type, uint64_t *nanoseconds, uint32_t *whole) {
    union cmnl_packet_control control;
    struct msghdr message;
    long count = cmnl_receive_message(fd, buffer, length, type, &control, &message);
    if (count < 0) return -1;
    *nanoseconds = 0;
    *whole = (uint32_t)count;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level == SOL_PACKET && header->cmsg_type == PACKET_AUXDATA) {
            struct tpacket_auxdata data;
            memcpy(&data, CMSG_DATA(header), sizeof data);
            *whole = data.tp_len;
        } else if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec time;
            memcpy(&time, CMSG_DATA(header), sizeof time);
            *nanoseconds = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
        }
    }
    return count;
}

/* Asks for the times of packets. */
static inline int cmnl_stamp_packets(int fd) {
    int one = 1;
    return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
}

/* PACKET_STATISTICS: the packets that found no room at the socket, since the last call. */
static inline uint32_t cmnl_lost_packets(int fd) {
    struct tpacket_stats counts;
    socklen_t length = sizeof counts;
    memset(&counts, 0, sizeof counts);
    return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &counts, &length) < 0 ? 0 : counts.tp_drops;
}

/* ICMPV6_FILTER (linux/icmpv6.h): echo replies and nothing else reach the raw socket. */
static inline int cmnl_pass_echo_replies(int fd) {
    struct icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
}

/* ETHTOOL_STXCSUM: a device computes no checksums of what it sends; then it cuts nothing either. */
static inline int cmnl_checksums_off(int fd, const char *name) {
    struct ethtool_value value = {ETHTOOL_STXCSUM, 0};
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_data = (void *)&value;
    return ioctl(fd, SIOCETHTOOL, &request);
}

/* PACKET_VNET_HDR: what is sent begins with a header that says what is left to devices. */
static inline int cmnl_take_offload_headers(int fd) {
    int one = 1;
    return setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one);
}

/* Sends a frame by a packet socket with PACKET_VNET_HDR: one that is to be cut into TCP segments of `segment` bytes behind
   `headers`, with the checksum from `start` on still to be computed; or, with 0 for `segment`, one as it is. */
static inline long cmnl_send_offloaded(
    int fd, int index, const void *frame, size_t length, uint16_t segment, uint16_t headers, uint16_t start, uint16_t offset) {
    struct virtio_net_hdr header;
    struct sockaddr_ll to;
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)frame, length}};
    struct msghdr message;
    memset(&header, 0, sizeof header);
    memset(&to, 0, sizeof to);
    memset(&message, 0, sizeof message);
    if (segment) {
        header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        header.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
        header.hdr_len = headers;
        header.gso_size = segment;
        header.csum_start = start;
        header.csum_offset = offset;
    }
    to.sll_family = AF_PACKET;
    to.sll_ifindex = index;
    to.sll_protocol = htons(ETH_P_IPV6);
    message.msg_name = &to;
    message.msg_namelen = sizeof to;
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    long count = sendmsg(fd, &message, MSG_DONTWAIT);
    return count < 0 ? -1 : count - (long)sizeof header;
}

/* TUNSETIFF on /dev/net/tun: makes a tap that lives as long as `fd` is open. */
static inline int cmnl_tap(int fd, const char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    return ioctl(fd, TUNSETIFF, &request);
}

/* TUNSETPERSIST: the tap outlives `fd`. */
static inline int cmnl_tap_persist(int fd) { return ioctl(fd, TUNSETPERSIST, 1UL); }
