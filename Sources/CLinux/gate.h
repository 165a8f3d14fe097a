#pragma once
/* The gate of a port: a program of a few instructions where frames leave by a device, without a queue (tcx, Linux 6.6).
   Functions answer a descriptor, a number or 0, and -1 with errno. */
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* enum bpf_attach_type, since Linux 6.6; enum tcx_action_base. */
enum { CLINUX_TCX_EGRESS = 47, CLINUX_TCX_NEXT = -1, CLINUX_TCX_DROP = 2 };

/* As `bpftool prog` and `bpftool map` show them. */
#define CLINUX_GATE_NAME "kc_gate"

static inline long clinux_bpf(int command, union bpf_attr *attributes) {
    return syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

/* Frames dropped, by index of the device they would have left by; no entry for devices that dropped none. */
static inline int clinux_gate_map(unsigned entries) {
    union bpf_attr attributes = {.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 8,
                                 .max_entries = entries, .map_flags = BPF_F_NO_PREALLOC};
    strcpy(attributes.map_name, CLINUX_GATE_NAME);
    return (int)clinux_bpf(BPF_MAP_CREATE, &attributes);
}

#define CLINUX_INSTRUCTION(c, d, s, o, i) {.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)}

/* What has the mark goes on to whatever else looks at the device; all else is counted and dropped. */
static inline int clinux_gate_program(uint32_t mark, int map) {
    struct bpf_insn program[] = {
        CLINUX_INSTRUCTION(BPF_LDX | BPF_W | BPF_MEM, 2, 1, offsetof(struct __sk_buff, mark), 0),
        CLINUX_INSTRUCTION(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, CLINUX_TCX_NEXT),
        CLINUX_INSTRUCTION(BPF_JMP32 | BPF_JEQ | BPF_K, 2, 0, 20, (int)mark), /* to the end */
        CLINUX_INSTRUCTION(BPF_LDX | BPF_W | BPF_MEM, 2, 1, offsetof(struct __sk_buff, ifindex), 0),
        CLINUX_INSTRUCTION(BPF_STX | BPF_W | BPF_MEM, 10, 2, -4, 0), /* the key */
        CLINUX_INSTRUCTION(BPF_ST | BPF_DW | BPF_MEM, 10, 0, -16, 0), /* a first value of nothing */
        CLINUX_INSTRUCTION(BPF_LD | BPF_DW | BPF_IMM, 6, BPF_PSEUDO_MAP_FD, 0, map), {0},
        /* An entry if there is none; which of two processors makes it does not matter. */
        CLINUX_INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0),
        CLINUX_INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
        CLINUX_INSTRUCTION(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
        CLINUX_INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_X, 3, 10, 0, 0),
        CLINUX_INSTRUCTION(BPF_ALU64 | BPF_ADD | BPF_K, 3, 0, 0, -16),
        CLINUX_INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, BPF_NOEXIST),
        CLINUX_INSTRUCTION(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_update_elem),
        CLINUX_INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0),
        CLINUX_INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
        CLINUX_INSTRUCTION(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
        CLINUX_INSTRUCTION(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
        CLINUX_INSTRUCTION(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0), /* no room: dropped without being counted */
        CLINUX_INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1),
        CLINUX_INSTRUCTION(BPF_STX | BPF_DW | BPF_ATOMIC, 0, 1, 0, BPF_ADD),
        CLINUX_INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, CLINUX_TCX_DROP),
        CLINUX_INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_SCHED_CLS, .insns = (uint64_t)(uintptr_t)program,
                                 .insn_cnt = sizeof program / sizeof *program,
                                 .license = (uint64_t)(uintptr_t) "Apache-2.0"};
    strcpy(attributes.prog_name, CLINUX_GATE_NAME);
    return (int)clinux_bpf(BPF_PROG_LOAD, &attributes);
}

/* EINVAL: a kernel without tcx. */
static inline int clinux_gate_attach(int device, int program) {
    union bpf_attr attributes = {0};
    attributes.target_fd = (uint32_t)device; /* target_ifindex, in the same place */
    attributes.attach_bpf_fd = (uint32_t)program;
    attributes.attach_type = CLINUX_TCX_EGRESS;
    return (int)clinux_bpf(BPF_PROG_ATTACH, &attributes);
}

/* How many programs are where frames leave by the device; the first `capacity` ids. */
static inline int clinux_gate_query(int device, uint32_t *ids, uint32_t capacity) {
    union bpf_attr attributes = {0};
    attributes.query.target_fd = (uint32_t)device;
    attributes.query.attach_type = CLINUX_TCX_EGRESS;
    attributes.query.prog_ids = (uint64_t)(uintptr_t)ids;
    attributes.query.prog_cnt = capacity;
    long result = clinux_bpf(BPF_PROG_QUERY, &attributes);
    return result < 0 && errno != ENOSPC ? -1 : (int)attributes.query.prog_cnt;
}

/* The table of a program that is a gate: a descriptor; -1 and ENOENT when it is another's. */
static inline int clinux_gate_open(uint32_t id) {
    union bpf_attr attributes = {.prog_id = id};
    int program = (int)clinux_bpf(BPF_PROG_GET_FD_BY_ID, &attributes);
    if (program < 0) return -1;
    uint32_t map = 0;
    struct bpf_prog_info info = {.nr_map_ids = 1, .map_ids = (uint64_t)(uintptr_t)&map};
    attributes = (union bpf_attr){.info = {.bpf_fd = (uint32_t)program, .info_len = sizeof info,
                                           .info = (uint64_t)(uintptr_t)&info}};
    long result = clinux_bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes);
    close(program);
    if (result < 0) return -1;
    if (strcmp(info.name, CLINUX_GATE_NAME) || info.nr_map_ids != 1) return errno = ENOENT, -1;
    attributes = (union bpf_attr){.map_id = map};
    return (int)clinux_bpf(BPF_MAP_GET_FD_BY_ID, &attributes);
}

/* Steps through a table: the entry after `*device`, 0 to begin. 1 and ENOENT at its end. */
static inline int clinux_gate_next(int map, uint32_t *device, uint64_t *frames) {
    union bpf_attr attributes = {.map_fd = (uint32_t)map, .key = (uint64_t)(uintptr_t)device};
    uint32_t next = 0;
    attributes.next_key = (uint64_t)(uintptr_t)&next;
    if (clinux_bpf(BPF_MAP_GET_NEXT_KEY, &attributes) < 0) return -1;
    *device = next;
    attributes = (union bpf_attr){.map_fd = (uint32_t)map, .key = (uint64_t)(uintptr_t)&next,
                                  .value = (uint64_t)(uintptr_t)frames};
    /* Nobody but the agent takes entries away. */
    return (int)clinux_bpf(BPF_MAP_LOOKUP_ELEM, &attributes);
}

/* Forgets a device that is gone. */
static inline int clinux_gate_forget(int map, uint32_t device) {
    union bpf_attr attributes = {.map_fd = (uint32_t)map, .key = (uint64_t)(uintptr_t)&device};
    return (int)clinux_bpf(BPF_MAP_DELETE_ELEM, &attributes);
}
