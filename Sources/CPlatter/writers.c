// Who writes to a file: fanotify(7), which tells a process of its own writes and of others' apart.
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "cplatter.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#if defined(__linux__)
#include <fcntl.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>

_Static_assert(
    sizeof(int) + MAX_HANDLE_SZ <= PLATTER_FILE_KEY_SIZE, "a file's key has room for any handle");

static int key_of(const struct file_handle *handle, unsigned char *key, size_t *length) {
    if (handle->handle_bytes > MAX_HANDLE_SZ) return EOVERFLOW;
    int type = handle->handle_type;
    memcpy(key, &type, sizeof type);
    memcpy(key + sizeof type, handle->f_handle, handle->handle_bytes);
    *length = sizeof type + handle->handle_bytes;
    return 0;
}

int platter_writers_open(int *queue) {
    // Without more rights than usual this is the only form, and it tells of others' writes as process 0.
    int result = fanotify_init(
        FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC | FAN_NONBLOCK, 0);
    if (result < 0) return errno;
    *queue = result;
    return 0;
}

int platter_writers_add(int queue, int descriptor, unsigned char *key, size_t *length) {
    union {
        struct file_handle handle;
        unsigned char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } file;
    int mount;
    file.handle.handle_bytes = MAX_HANDLE_SZ;
    if (name_to_handle_at(descriptor, "", &file.handle, &mount, AT_EMPTY_PATH) < 0) return errno;
    int problem = key_of(&file.handle, key, length);
    if (problem != 0) return problem;
    if (fanotify_mark(queue, FAN_MARK_ADD, FAN_MODIFY, descriptor, NULL) < 0) return errno;
    return 0;
}

int platter_writers_remove(int queue, int descriptor) {
    return fanotify_mark(queue, FAN_MARK_REMOVE, FAN_MODIFY, descriptor, NULL) < 0 ? errno : 0;
}

// The file that an event is of; 0 when it says so.
static int key_of_event(
    const struct fanotify_event_metadata *event, unsigned char *key, size_t *length
) {
    const char *position = (const char *)event + event->metadata_len;
    const char *end = (const char *)event + event->event_len;
    while ((size_t)(end - position) >= sizeof(struct fanotify_event_info_header)) {
        const struct fanotify_event_info_fid *info = (const void *)position;
        if (info->hdr.len < sizeof info->hdr || info->hdr.len > end - position) return EPROTO;
        if (info->hdr.info_type == FAN_EVENT_INFO_TYPE_FID) {
            return key_of((const struct file_handle *)info->handle, key, length);
        }
        position += info->hdr.len;
    }
    return ENOENT;
}

int platter_writers_drain(
    int queue, void (*seen)(void *context, const unsigned char *key, size_t length), void *context
) {
    char bytes[8192] __attribute__((aligned(__alignof__(struct fanotify_event_metadata))));
    pid_t own = getpid();
    // What comes from now on is for the next question; somebody may write faster than this reads.
    int left = 0;
    if (ioctl(queue, FIONREAD, &left) < 0) return errno;
    while (left > 0) {
        ssize_t count = read(queue, bytes, sizeof bytes);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno == EAGAIN ? 0 : errno;
        if (count == 0) return 0;
        left -= (int)count;
        const struct fanotify_event_metadata *event = (const void *)bytes;
        while (FAN_EVENT_OK(event, count)) {
            unsigned char key[PLATTER_FILE_KEY_SIZE];
            size_t length = 0;
            if (event->vers != FANOTIFY_METADATA_VERSION) return EPROTO;
            if (event->mask & FAN_Q_OVERFLOW || event->pid != own) {
                int problem = event->mask & FAN_Q_OVERFLOW;
                if (problem == 0) problem = key_of_event(event, key, &length);
                seen(context, problem == 0 ? key : NULL, problem == 0 ? length : 0);
            }
            event = FAN_EVENT_NEXT(event, count);
        }
    }
    return 0;
}
#else
int platter_writers_open(int *queue) {
    (void)queue;
    return ENOTSUP;
}

int platter_writers_add(int queue, int descriptor, unsigned char *key, size_t *length) {
    (void)queue, (void)descriptor, (void)key, (void)length;
    return ENOTSUP;
}

int platter_writers_remove(int queue, int descriptor) {
    (void)queue, (void)descriptor;
    return ENOTSUP;
}

int platter_writers_drain(
    int queue, void (*seen)(void *context, const unsigned char *key, size_t length), void *context
) {
    (void)queue, (void)seen, (void)context;
    return ENOTSUP;
}
#endif
