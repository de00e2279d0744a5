// Calls that glibc hides behind _GNU_SOURCE, that are variadic, or that each system spells its own
// way.
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "cplatter.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#endif

int platter_open_at(
    int folder, const char *path, int flags, unsigned int mode, int *descriptor
) {
    int result;
    do {
        result = openat(folder, path, flags, (mode_t)mode);
    } while (result < 0 && errno == EINTR);
    if (result < 0) return errno;
    *descriptor = result;
    return 0;
}

#if defined(__linux__)
static int change_allocation(int descriptor, int mode, int64_t offset, int64_t length) {
    int result;
    do {
        result = fallocate(descriptor, mode, (off_t)offset, (off_t)length);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? errno : 0;
}
#endif

int platter_allocate(int descriptor, int64_t offset, int64_t length) {
    if (offset < 0 || length < 0) return EINVAL;
    if (length == 0) return 0;
#if defined(__linux__)
    return change_allocation(descriptor, FALLOC_FL_KEEP_SIZE, offset, length);
#else
    (void)descriptor;
    return ENOTSUP;
#endif
}

int platter_lock_byte(int descriptor, int64_t offset, int is_alone) {
#if defined(F_OFD_SETLK)
    struct flock lock = {0};
    lock.l_type = is_alone ? F_WRLCK : F_RDLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = offset;
    lock.l_len = 1;
    int result;
    do {
        result = fcntl(descriptor, F_OFD_SETLK, &lock);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? errno : 0;
#else
    (void)descriptor;
    (void)offset;
    (void)is_alone;
    return ENOTSUP;
#endif
}

int platter_wal_index_header(const void *memory, void *header) {
    enum { WORDS = 6, IS_SET = 12 };
    const volatile uint64_t *first = memory;
    uint64_t words[WORDS];
    for (int i = 0; i < WORDS; i++) words[i] = first[i];
    // Whoever commits writes the second copy first.
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    for (int i = 0; i < WORDS; i++) {
        if (first[WORDS + i] != words[i]) return 0;
    }
    if (((const uint8_t *)words)[IS_SET] == 0) return 0;
    memcpy(header, words, sizeof words);
    return 1;
}

int platter_punch_hole(int descriptor, int64_t offset, int64_t length) {
    if (offset < 0 || length < 0 || offset > INT64_MAX - length) return EINVAL;
    if (length == 0) return 0;
#if defined(__linux__)
    return change_allocation(
        descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
#elif defined(__APPLE__)
    struct stat status;
    if (fstat(descriptor, &status) < 0) return errno;
    int64_t block = status.st_blksize > 0 ? status.st_blksize : 4096;
    int64_t skipped = (block - offset % block) % block;
    if (skipped >= length) return 0;
    int64_t whole = (length - skipped) / block * block;
    if (whole == 0) return 0;
    struct fpunchhole hole = {.fp_offset = offset + skipped, .fp_length = whole};
    return fcntl(descriptor, F_PUNCHHOLE, &hole) < 0 ? errno : 0;
#else
    (void)descriptor;
    return ENOTSUP;
#endif
}

#if defined(__linux__)
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif
// The same number on all architectures. Since Linux 6.5.
#define CACHESTAT_CALL 451

// Also says yes to pages that are only on their way. Yes where it cannot be told.
static int all_pages_are_cached(int descriptor, int64_t offset, int64_t length) {
    struct { uint64_t offset, length; } range = {(uint64_t)offset, (uint64_t)length};
    struct { uint64_t cached, dirty, written, evicted, recently; } answer = {0, 0, 0, 0, 0};
    int64_t page = sysconf(_SC_PAGESIZE);
    if (page <= 0 || syscall(CACHESTAT_CALL, descriptor, &range, &answer, 0) < 0) return 1;
    int64_t pages = (offset + length - 1) / page - offset / page + 1;
    return answer.cached >= (uint64_t)pages;
}

enum { CACHED, NOT_CACHED, PAST_END, UNKNOWN };

static int look_at_byte(int descriptor, int64_t offset) {
    char byte;
    struct iovec vector = {&byte, 1};
#if defined(__GLIBC__)
    ssize_t count = preadv2(descriptor, &vector, 1, (off_t)offset, RWF_NOWAIT);
    if (count >= 0) return count > 0 ? CACHED : PAST_END;
    return errno == EAGAIN ? NOT_CACHED : UNKNOWN;
#else
    (void)descriptor, (void)offset, (void)vector;
    return UNKNOWN;
#endif
}
#endif

int platter_read_resident(
    int descriptor, void *buffer, size_t length, int64_t offset, size_t *count
) {
    *count = 0;
#if defined(__linux__) && defined(__GLIBC__)
    while (*count < length) {
        struct iovec vector = {(char *)buffer + *count, length - *count};
        ssize_t part =
            preadv2(descriptor, &vector, 1, (off_t)(offset + (int64_t)*count), RWF_NOWAIT);
        if (part == 0) break;
        if (part > 0) {
            *count += (size_t)part;
        } else if (errno == EOPNOTSUPP || errno == ENOSYS) {
            return ENOTSUP;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
#else
    (void)descriptor, (void)buffer, (void)length, (void)offset;
    return ENOTSUP;
#endif
}

int platter_read_direct(
    int descriptor, void *buffer, size_t length, int64_t offset, size_t *count
) {
    *count = 0;
#if defined(__linux__)
    // A descriptor of its own: what is set for the other one is set for all who use it.
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    // A file that was removed has no path any more; what cannot be had is not there for this call.
    if (direct < 0) return EINVAL;
    int problem = 0;
    while (*count < length) {
        ssize_t part = pread(
            direct, (char *)buffer + *count, length - *count, (off_t)(offset + (int64_t)*count));
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) problem = errno;
        if (part <= 0) break;
        *count += (size_t)part;
        // Only what is at the end of the file is no multiple.
        if (*count % 4096 != 0) break;
    }
    close(direct);
    return problem;
#else
    (void)descriptor, (void)buffer, (void)length, (void)offset;
    return EINVAL;
#endif
}

int platter_write_error(int descriptor) {
#if defined(__linux__)
    // About a page far behind any file, which is never on its way; the answer is about all of the file.
    const int64_t nowhere = (int64_t)1 << 60;
    if (sync_file_range(descriptor, nowhere, 1, SYNC_FILE_RANGE_WAIT_BEFORE) == 0) return 0;
    // Where the call is not there. Whatever else it says (a damaged file system has words of its own) it says
    // only once.
    switch (errno) {
    case EBADF: case EINVAL: case ENOSYS: case EPERM: case ESPIPE: return 0;
    default: return errno;
    }
#else
    (void)descriptor;
    return 0;
#endif
}

int platter_is_resident(int descriptor, int64_t offset, int64_t length) {
#if defined(__linux__)
    const int64_t stride = 64 << 10;
    if (offset < 0 || length <= 0 || offset > INT64_MAX - length) return 1;
    int64_t last = offset + length - 1;
    struct stat status;
    if (fstat(descriptor, &status) < 0 || last >= status.st_size) return 1;
    if (!all_pages_are_cached(descriptor, offset, length)) return 0;
    for (int64_t position = offset;;) {
        switch (look_at_byte(descriptor, position)) {
        case NOT_CACHED: return 0;
        case PAST_END: return 1;
        case UNKNOWN: return 1;
        }
        if (position == last) return 1;
        position = last - position > stride ? position + stride : last;
    }
#else
    (void)descriptor, (void)offset, (void)length;
    return 1;
#endif
}

int platter_overwrite_in_place(int folder) {
#if defined(__linux__)
    struct statfs status;
    if (fstatfs(folder, &status) < 0) return errno;
    // BTRFS_SUPER_MAGIC of <linux/magic.h>. Elsewhere nothing is copied on write.
    if ((uint32_t)status.f_type != 0x9123683Eu) return ENOTSUP;
    int flags = 0;
    if (ioctl(folder, FS_IOC_GETFLAGS, &flags) < 0) return errno;
    if (flags & FS_NOCOW_FL) return 0;
    flags |= FS_NOCOW_FL;
    return ioctl(folder, FS_IOC_SETFLAGS, &flags) < 0 ? errno : 0;
#else
    (void)folder;
    return ENOTSUP;
#endif
}

int platter_raise_open_files(uint64_t *limit) {
    struct rlimit rlimit;
    *limit = 0;
    if (getrlimit(RLIMIT_NOFILE, &rlimit) < 0) return errno;
    *limit = (uint64_t)rlimit.rlim_cur;
    rlim_t most = rlimit.rlim_max;
#if defined(__APPLE__)
    // More is refused, whatever the hard limit says.
    if (most > OPEN_MAX) most = OPEN_MAX;
#endif
    if (most <= rlimit.rlim_cur) return 0;
    rlimit.rlim_cur = most;
    if (setrlimit(RLIMIT_NOFILE, &rlimit) < 0) return errno;
    *limit = (uint64_t)most;
    return 0;
}

int platter_filesystem_type(int descriptor, uint32_t *answer) {
    *answer = 0;
#if defined(__linux__)
    struct statfs status;
    int result;
    do {
        result = fstatfs(descriptor, &status);
    } while (result < 0 && errno == EINTR);
    if (result < 0) return errno;
    *answer = (uint32_t)status.f_type;
#else
    (void)descriptor;
#endif
    return 0;
}

int platter_filesystem_is_memory(int descriptor, int *answer) {
    uint32_t type = 0;
    int problem = platter_filesystem_type(descriptor, &type);
    // TMPFS_MAGIC and RAMFS_MAGIC of <linux/magic.h>.
    *answer = type == 0x01021994u || type == 0x858458F6u;
    return problem;
}

int platter_filesystem_keeps_blocks_for_root(const char *path, int *answer) {
    *answer = 0;
#if defined(__linux__)
    struct statfs status;
    int result;
    do {
        result = statfs(path, &status);
    } while (result < 0 && errno == EINTR);
    if (result < 0) return errno;
    // EXT4_SUPER_MAGIC of <linux/magic.h>, which is that of the others too.
    *answer = (uint32_t)status.f_type == 0xEF53u;
#else
    (void)path;
#endif
    return 0;
}

int platter_bind(const struct sockaddr *address, size_t length, int *descriptor) {
    int fresh = socket(address->sa_family, SOCK_STREAM, 0);
    if (fresh < 0) return errno;
    int yes = 1;
    if (fcntl(fresh, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fresh, F_SETFL, O_NONBLOCK) < 0
        || setsockopt(fresh, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0
        || bind(fresh, address, (socklen_t)length) < 0) {
        int number = errno;
        close(fresh);
        return number;
    }
    *descriptor = fresh;
    return 0;
}

int platter_listen(int descriptor, int backlog) {
    return listen(descriptor, backlog) < 0 ? errno : 0;
}

int platter_duplicate(int descriptor, int *duplicate) {
    *duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    return *duplicate < 0 ? errno : 0;
}
