#pragma once
/* libmnl and the kernel headers KC speaks netlink with. netinet/in.h must come before any linux header. */
#include <stdint.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_bridge.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <libmnl/libmnl.h>

/* _GNU_SOURCE functions and macros that the Glibc module does not show. */
int setns(int fd, int nstype);
int unshare(int flags);
enum { CMNL_CLONE_NEWNET = 0x40000000, CMNL_CLONE_NEWNS = 0x00020000 };

static inline long cmnl_socket_buffer_size(void) { return MNL_SOCKET_BUFFER_SIZE; }
