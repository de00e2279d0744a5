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
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
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

int platter_filesystem_is_memory(int descriptor, int *answer) {
    *answer = 0;
#if defined(__linux__)
    struct statfs status;
    int result;
    do {
        result = fstatfs(descriptor, &status);
    } while (result < 0 && errno == EINTR);
    if (result < 0) return errno;
    // TMPFS_MAGIC and RAMFS_MAGIC of <linux/magic.h>.
    *answer = (uint32_t)status.f_type == 0x01021994u || (uint32_t)status.f_type == 0x858458F6u;
#else
    (void)descriptor;
#endif
    return 0;
}

int platter_tcp_notsent_lowat(int descriptor, int bytes) {
#if defined(TCP_NOTSENT_LOWAT)
    if (setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes) < 0)
        return errno;
    return 0;
#else
    (void)descriptor;
    (void)bytes;
    return ENOTSUP;
#endif
}
