// A file that is mapped into memory and cut short, or a disk that has no room for a page that is written to, is a
// SIGBUS to whoever touches the page. SQLite maps the file that its connections share. Here such a page is taken
// from the file and becomes one of this process alone, with what could be read of it; whoever uses it is told by a
// count.
//
// All that the handler calls is a plain system call; its buffers are static, and one thread at a time uses them.
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "cplatter.h"

#include <errno.h>

#if defined(__linux__)
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// Set before the handler is, and never changed.
static int copying[2] = {-1, -1};
static int maps = -1;
static size_t page_size;
static struct sigaction previous;

static atomic_flag is_busy = ATOMIC_FLAG_INIT;
static _Atomic uint64_t survived;

// The last pages [4096]: those who wait for one of them are as many as there are threads, at most.
#define MOST_MENDED 4096
static uintptr_t mended[MOST_MENDED];
static size_t mended_next;

enum mapping { MAPPING_NONE, MAPPING_SHARED_INDEX, MAPPING_NAMELESS };

static uintptr_t read_hexadecimal(const char **text, const char *end) {
    uintptr_t value = 0;
    for (; *text < end; *text += 1) {
        char digit = **text;
        if (digit >= '0' && digit <= '9') value = value << 4 | (uintptr_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f') value = value << 4 | (uintptr_t)(digit - 'a' + 10);
        else break;
    }
    return value;
}

static int ends_with(const char *begin, const char *end, const char *suffix) {
    size_t length = strlen(suffix);
    return (size_t)(end - begin) >= length && memcmp(end - length, suffix, length) == 0;
}

// A line of proc(5): "begin-end perms offset device inode     path".
static enum mapping kind_of_line(const char *line, const char *end, uintptr_t page) {
    uintptr_t lower = read_hexadecimal(&line, end);
    if (line == end || *line != '-') return MAPPING_NONE;
    line += 1;
    uintptr_t upper = read_hexadecimal(&line, end);
    if (page < lower || page >= upper || end - line < 5) return MAPPING_NONE;
    if (line[4] == 's'
        && (ends_with(line, end, "-shm") || ends_with(line, end, "-shm (deleted)")))
        return MAPPING_SHARED_INDEX;
    return memchr(line, '/', (size_t)(end - line)) == NULL ? MAPPING_NAMELESS : MAPPING_NONE;
}

static enum mapping mapping_of(uintptr_t page) {
    static char buffer[16384];
    if (lseek(maps, 0, SEEK_SET) < 0) return MAPPING_NONE;
    size_t length = 0;
    enum mapping found = MAPPING_NONE;
    while (found == MAPPING_NONE) {
        ssize_t count = read(maps, buffer + length, sizeof buffer - length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        length += (size_t)count;
        char *line = buffer;
        char *end;
        while (found == MAPPING_NONE
               && (end = memchr(line, '\n', length - (size_t)(line - buffer))) != NULL) {
            found = kind_of_line(line, end, page);
            line = end + 1;
        }
        length -= (size_t)(line - buffer);
        memmove(buffer, line, length);
    }
    return found;
}

// What a pipe takes is read by the kernel, which says EFAULT where this thread would get the next SIGBUS.
static void copy_what_can_be_read(char *to, const char *from) {
    const size_t step = 4096;
    for (size_t offset = 0; offset < page_size; offset += step) {
        ssize_t count = write(copying[1], from + offset, step);
        if (count > 0 && read(copying[0], to + offset, (size_t)count) != count) return;
    }
}

static int is_mended(uintptr_t page) {
    for (size_t index = 0; index < MOST_MENDED; index += 1)
        if (mended[index] == page) return 1;
    return 0;
}

// Whether the access that failed may be tried again.
static int mend(uintptr_t page) {
    switch (mapping_of(page)) {
        case MAPPING_NONE: return 0;
        // By another thread, while this one waited.
        case MAPPING_NAMELESS: return is_mended(page);
        case MAPPING_SHARED_INDEX: break;
    }
    mended[mended_next] = page;
    mended_next = (mended_next + 1) % MOST_MENDED;
    char *fresh = mmap(
        NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED) return 0;
    copy_what_can_be_read(fresh, (const char *)page);
    // Before anybody can go on with what is there now.
    atomic_fetch_add(&survived, 1);
    // In one step: others may be reading.
    if (mremap(fresh, page_size, page_size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)page)
        == MAP_FAILED) {
        munmap(fresh, page_size);
        return 0;
    }
    return 1;
}

static void hand_on(int number, siginfo_t *info, void *context) {
    if (previous.sa_flags & SA_SIGINFO) return previous.sa_sigaction(number, info, context);
    if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
        return previous.sa_handler(number);
    // The access is tried again and ends the process; what was sent by somebody is sent again.
    sigaction(number, &previous, NULL);
    if (info->si_code <= 0) raise(number);
}

static void survive(int number, siginfo_t *info, void *context) {
    int before = errno;
    int is_over = 0;
    // The page lies beyond the file's end, or could not be had.
    if (info->si_code == BUS_ADRERR) {
        while (atomic_flag_test_and_set(&is_busy)) sched_yield();
        is_over = mend((uintptr_t)info->si_addr & ~(uintptr_t)(page_size - 1));
        atomic_flag_clear(&is_busy);
    }
    errno = before;
    if (!is_over) hand_on(number, info, context);
}

int platter_survive_bus_errors(void) {
    if (maps >= 0) return 0;
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    // Now: when it is needed there may be no descriptor left.
    maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (maps < 0) return errno;
    struct sigaction action = {.sa_sigaction = survive, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (pipe2(copying, O_CLOEXEC | O_NONBLOCK) == 0) {
        if (sigaction(SIGBUS, &action, &previous) == 0) return 0;
        int number = errno;
        close(copying[0]);
        close(copying[1]);
        errno = number;
    }
    int number = errno;
    close(maps);
    maps = -1;
    return number;
}

uint64_t platter_bus_errors_survived(void) {
    return atomic_load_explicit(&survived, memory_order_acquire);
}
#else
int platter_survive_bus_errors(void) { return ENOTSUP; }
uint64_t platter_bus_errors_survived(void) { return 0; }
#endif
