#pragma once
/* librados and librbd, opened while the program runs: a machine whose disks are files has neither. The types are those of
   their headers, which only building needs; nothing links them. */
#include <dlfcn.h>
#include <rados/librados.h>
#include <rbd/librbd.h>
#include <stdio.h>

/* The functions that are used, by library. */
#define CRBD_RADOS(each) \
    each(rados_create) each(rados_conf_read_file) each(rados_conf_set) each(rados_connect) each(rados_shutdown) \
    each(rados_ioctx_create) each(rados_ioctx_destroy) each(rados_cluster_stat) each(rados_lock_exclusive) \
    each(rados_unlock) each(rados_remove)
#define CRBD_RBD(each) \
    each(rbd_list2) each(rbd_image_spec_list_cleanup) each(rbd_open) each(rbd_open_read_only) each(rbd_close) \
    each(rbd_create4) each(rbd_get_size) each(rbd_write) each(rbd_read) each(rbd_flush) each(rbd_resize) \
    each(rbd_snap_create) each(rbd_snap_protect) each(rbd_snap_unprotect) each(rbd_snap_remove) each(rbd_snap_exists) \
    each(rbd_snap_is_protected) each(rbd_clone3) each(rbd_remove) each(rbd_rename) each(rbd_metadata_set) \
    each(rbd_metadata_get) each(rbd_list_children3) each(rbd_linked_image_spec_list_cleanup) \
    each(rbd_image_options_create) each(rbd_image_options_destroy)

struct crbd {
#define CRBD_MEMBER(name) __typeof__(&name) name;
    CRBD_RADOS(CRBD_MEMBER)
    CRBD_RBD(CRBD_MEMBER)
#undef CRBD_MEMBER
};

/* 0, or -1 with the reason in `reason`. The libraries stay open: their threads may outlive every caller. */
static inline int crbd_open(struct crbd *table, char *reason, size_t length) {
    void *rados = dlopen("librados.so.2", RTLD_NOW | RTLD_LOCAL);
    void *rbd = rados ? dlopen("librbd.so.1", RTLD_NOW | RTLD_LOCAL) : 0;
    if (!rados || !rbd) {
        snprintf(reason, length, "%s", dlerror());
        return -1;
    }
#define CRBD_FIND(library, name) \
    if (!(*(void **)&table->name = dlsym(library, #name))) { \
        snprintf(reason, length, "%s", dlerror()); \
        return -1; \
    }
#define CRBD_FIND_RADOS(name) CRBD_FIND(rados, name)
#define CRBD_FIND_RBD(name) CRBD_FIND(rbd, name)
    CRBD_RADOS(CRBD_FIND_RADOS)
    CRBD_RBD(CRBD_FIND_RBD)
#undef CRBD_FIND_RADOS
#undef CRBD_FIND_RBD
#undef CRBD_FIND
    return 0;
}
