#pragma once
/* Calls of Linux that the Glibc module does not show: _GNU_SOURCE declarations, variadic functions and bare system
   calls. Prefixed where the C library could one day show them itself. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int setns(int fd, int nstype);
long syscall(long number, ...);
int pipe2(int fds[2], int flags);
int pthread_setname_np(pthread_t thread, const char *name);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

enum {
    CLINUX_CLONE_NEWNET = 0x40000000, /* linux/sched.h */
    CLINUX_POSIX_SPAWN_SETSID = 0x80, /* spawn.h, since glibc 2.26 */
};

static inline int clinux_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

/* pidfd_open(2), Linux 5.3. The descriptor is close-on-exec. */
static inline int clinux_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0u); }

/* pidfd_send_signal(2), Linux 5.1: never reaches another process that got the same number. */
static inline int clinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, (void *)0, 0u);
}

/* open(2) is variadic. */
static inline int clinux_open(const char *path, int flags, unsigned mode) { return open(path, flags, mode); }

/* fcntl(2) is variadic. */
static inline int clinux_copy_descriptor(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 0); }

static inline int clinux_set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? flags : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Locks one byte of a file for its open file description (F_OFD_SETLK of fcntl(2), Linux 3.15; between machines on NFS 4 and
   CephFS), till the last descriptor of it is closed. */
static inline int clinux_lock_byte(int fd, int64_t place, int waits) {
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};
    return fcntl(fd, waits ? 38 : 37, &range); /* F_OFD_SETLKW, F_OFD_SETLK: asm-generic/fcntl.h */
}

/* Lets all of them go, also where a child that was just made has the description until it runs its program. */
static inline int clinux_unlock(int fd) {
    struct flock range = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    return fcntl(fd, 37, &range);
}

/* Both ends close-on-exec. */
static inline int clinux_pipe(int fds[2]) { return pipe2(fds, O_CLOEXEC); }

/* Device and inode of what is open there (fstat(2)): which module struct stat belongs to depends on what else is imported. */
static inline int clinux_identity(int fd, uint64_t *device, uint64_t *inode) {
    struct stat status;
    if (fstat(fd, &status) != 0) return -1;
    *device = status.st_dev;
    *inode = status.st_ino;
    return 0;
}

/* At most 15 bytes are kept. */
static inline int clinux_name_this_thread(const char *name) { return pthread_setname_np(pthread_self(), name); }

/* sched_setaffinity(2) of the calling thread, to one of the first 64 processors. */
static inline int clinux_pin_this_thread(int processor) {
    unsigned long mask[16] = {1ul << processor};
    return (int)syscall(SYS_sched_setaffinity, 0, sizeof mask, mask);
}

static inline int clinux_close_from(posix_spawn_file_actions_t *actions, int from) {
    return posix_spawn_file_actions_addclosefrom_np(actions, from);
}
