/* libbpf and what of it is macros or variadic. Functions answer 0 or more, or minus an errno. */
#pragma once
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "guard_layout.h"
#include "nat64_layout.h"

/* Opens an object file; NULL and errno when that fails. What the kernel says of its programs goes into `log`, which must
 * live as long as the object. libbpf itself prints nothing. */
static inline struct bpf_object *cbpf_open(const char *path, char *log, size_t size) {
    LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_buf = log, .kernel_log_size = size);
    libbpf_set_print(0);
    return bpf_object__open_file(path, &options);
}

/* libbpf says what it does on standard error unless told not to. */
static inline void cbpf_silence(void) { libbpf_set_print(0); }

/* Runs a classifier on one Ethernet frame with this mark. */
static inline int cbpf_run(int program, const void *frame, uint32_t size, uint32_t mark, void *out, uint32_t *out_size,
                           uint32_t *verdict) {
    struct __sk_buff packet = {.mark = mark};
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = size, .data_out = out,
                .data_size_out = *out_size, .repeat = 1, .ctx_in = &packet, .ctx_size_in = sizeof(packet));
    int result = bpf_prog_test_run_opts(program, &options);
    *out_size = options.data_size_out;
    *verdict = options.retval;
    return result;
}

/* Runs a classifier on one Ethernet frame; the mark is read and written. The frame's device has index 1. */
static inline int cbpf_mark(int program, const void *frame, uint32_t size, uint32_t *mark, uint32_t *verdict) {
    struct __sk_buff before = {.mark = *mark, .ifindex = 1}, after = {0};
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = size, .repeat = 1, .ctx_in = &before,
                .ctx_size_in = sizeof(before), .ctx_out = &after, .ctx_size_out = sizeof(after));
    int result = bpf_prog_test_run_opts(program, &options);
    *mark = after.mark;
    *verdict = options.retval;
    return result;
}

/* The place among a device's filters that is ours. */
enum { CBPF_PRIORITY = 0x6b63, CBPF_HANDLE = 1 };

static inline struct bpf_tc_hook cbpf_hook(int device, int is_egress) {
    struct bpf_tc_hook hook = {.sz = sizeof(hook), .ifindex = device,
                               .attach_point = is_egress ? BPF_TC_EGRESS : BPF_TC_INGRESS};
    return hook;
}

static inline int cbpf_attach(int device, int is_egress, int program) {
    struct bpf_tc_hook hook = cbpf_hook(device, is_egress);
    LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .handle = CBPF_HANDLE, .priority = CBPF_PRIORITY,
                .flags = BPF_TC_F_REPLACE);
    int result = bpf_tc_hook_create(&hook);
    if (result && result != -EEXIST) return result;
    return bpf_tc_attach(&hook, &options);
}

/* The id of the program that is attached in our place; 0 for none. */
static inline int cbpf_attached(int device, int is_egress, uint32_t *id) {
    struct bpf_tc_hook hook = cbpf_hook(device, is_egress);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = CBPF_HANDLE, .priority = CBPF_PRIORITY);
    int result = bpf_tc_query(&hook, &options);
    *id = 0;
    if (result == -ENOENT || result == -EINVAL) return 0; /* no such filter; no clsact */
    if (!result) *id = options.prog_id;
    return result;
}

static inline int cbpf_detach(int device, int is_egress) {
    struct bpf_tc_hook hook = cbpf_hook(device, is_egress);
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = CBPF_HANDLE, .priority = CBPF_PRIORITY);
    int result = bpf_tc_detach(&hook, &options);
    return result == -ENOENT || result == -EINVAL ? 0 : result;
}

/* The ids of the maps that a program uses: at most `capacity`. */
static inline int cbpf_maps(int program, uint32_t *ids, uint32_t capacity) {
    struct bpf_prog_info info = {.nr_map_ids = capacity, .map_ids = (uint64_t)(uintptr_t)ids};
    uint32_t size = sizeof(info);
    int result = bpf_obj_get_info_by_fd(program, &info, &size);
    return result ? result : (int)(info.nr_map_ids < capacity ? info.nr_map_ids : capacity);
}

static inline int cbpf_map_info(int map, char name[16], uint32_t *key, uint32_t *value) {
    struct bpf_map_info info = {0};
    uint32_t size = sizeof(info);
    int result = bpf_obj_get_info_by_fd(map, &info, &size);
    if (result) return result;
    memcpy(name, info.name, sizeof(info.name));
    name[15] = 0;
    *key = info.key_size;
    *value = info.value_size;
    return 0;
}
