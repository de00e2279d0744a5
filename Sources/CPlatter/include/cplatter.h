// The few C calls that Swift lacks: checksums in hardware, file calls outside POSIX, variadic
// functions, socket options. Functions that can fail return 0 or an errno value, never -1.
#ifndef CPLATTER_H
#define CPLATTER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

// MARK: - CRC32C (Castagnoli; RFC 3720 appendix B.4)

// The checksum of `length` bytes that follow bytes whose checksum is `crc`; 0 for the first ones.
// Takes the fastest way this processor has.
uint32_t platter_crc32c(uint32_t crc, const void *_Nullable bytes, size_t length);

// The checksum of two runs laid end to end, from the checksum of each and the length of the second.
uint32_t platter_crc32c_combine(uint32_t first, uint32_t second, uint64_t second_length);

// The ways to compute it: 0 is software, 1 the processor's instruction.
int platter_crc32c_has_path(int path);

// As `platter_crc32c`, by one way. A way this processor has not is taken for software.
uint32_t platter_crc32c_by_path(
    int path, uint32_t crc, const void *_Nullable bytes, size_t length);

// MARK: - The wal-index of SQLite

// Copies the header (48 bytes; sqlite.org/walformat.html, section 2.1) from the beginning of memory that other
// threads and processes change. 1 when it is set and both copies of it agree, else 0.
int platter_wal_index_header(const void *_Nonnull memory, void *_Nonnull header);

// MARK: - Files

// openat(2), which is variadic. The descriptor goes to `*descriptor`.
int platter_open_at(
    int folder, const char *_Nonnull path, int flags, unsigned int mode,
    int *_Nonnull descriptor);

// Reserves blocks for a range without changing the file's size. ENOTSUP where there is no such
// call.
int platter_allocate(int descriptor, int64_t offset, int64_t length);

// Locks one byte of an open file, alone or shared with others, in the place of the lock that this open file
// description (open(2)) has on it. Waits for nobody: EAGAIN or EACCES where others have it, also by POSIX locks of
// this process. ENOTSUP where there is no such lock.
int platter_lock_byte(int descriptor, int64_t offset, int is_alone);

// Gives a range's blocks back; it reads as zeros then. The file's size stays. Elsewhere than on
// Linux only whole file system blocks inside the range are given back. ENOTSUP where it is
// impossible.
int platter_punch_hole(int descriptor, int64_t offset, int64_t length);

// Whether a range can be read without waiting for the disk, as far as can be told: whether all pages are
// in memory, and whether one each 64 KiB has arrived there. 1 as well where that cannot be known.
int platter_is_resident(int descriptor, int64_t offset, int64_t length);

// Reads what is in memory, waiting for no disk. 0, and in `*count` fewer bytes only at the end of the file; EAGAIN when
// some of it is not in memory; ENOTSUP where that cannot be known; or the number of the error.
int platter_read_resident(
    int descriptor, void *_Nonnull buffer, size_t length, int64_t offset, size_t *_Nonnull count);

// Reads from the disk itself, whatever is in memory. Offset, length and the buffer's address are multiples
// of 4096; fewer bytes come only at the end of the file. 0, or the number of the error: EINVAL as well where the
// system cannot.
int platter_read_direct(
    int descriptor, void *_Nonnull buffer, size_t length, int64_t offset, size_t *_Nonnull count);

// Whether bytes of a file were lost on their way to the disk since this descriptor was last told, by this call
// or by fsync(2). Waits for nothing. 0, or the number of the error; 0 as well where that cannot be asked.
int platter_write_error(int descriptor);

// From now on what is made in a folder is overwritten in place, where the file system (btrfs) would else
// write each change elsewhere, which takes room even for bytes that are there. ENOTSUP where there is no
// such thing.
int platter_overwrite_in_place(int folder);

// Sets `*answer` to 1 when the file lies in memory (tmpfs, ramfs), else to 0.
int platter_filesystem_is_memory(int descriptor, int *_Nonnull answer);

// The kind of the file system that a file lies on: `f_type` of statfs(2), of which 32 bits count. 0 where there is no
// such thing.
int platter_filesystem_type(int descriptor, uint32_t *_Nonnull answer);

// Sets `*answer` to 1 when the file system keeps some blocks for root (ext2, ext3, ext4), else to 0.
int platter_filesystem_keeps_blocks_for_root(const char *_Nonnull path, int *_Nonnull answer);

// MARK: - Who writes to files
//
// A queue tells of writes to the files that were added to it, by this process and by others. All four
// give ENOTSUP where there is no such thing.

// The longest key of a file, in bytes.
#define PLATTER_FILE_KEY_SIZE 144

int platter_writers_open(int *_Nonnull queue);

// From now on the queue tells of writes to a file; `key` has room for PLATTER_FILE_KEY_SIZE bytes and says
// which file it is.
int platter_writers_add(
    int queue, int descriptor, unsigned char *_Nonnull key, size_t *_Nonnull length);

int platter_writers_remove(int queue, int descriptor);

// Tells `seen` of each file that another process has written to since the last call. No key: it may have
// been any of them. Does not block.
int platter_writers_drain(
    int queue,
    void (*_Nonnull seen)(void *_Nonnull context, const unsigned char *_Nullable key, size_t length),
    void *_Nonnull context);

// MARK: - Sockets

// A stream socket that is bound to an address of `length` bytes and waits for nothing. The descriptor goes to `*descriptor`.
int platter_bind(
    const struct sockaddr *_Nonnull address, size_t length, int *_Nonnull descriptor);

// From now on so many connections may wait to be accepted; see listen(2). A socket that listens already goes on.
int platter_listen(int descriptor, int backlog);

// Another descriptor of the same open file or socket; see dup(2).
int platter_duplicate(int descriptor, int *_Nonnull duplicate);

// MARK: - Signals

// From now on a signal puts its number, a byte, into a pipe instead of what it did before. The pipe is
// one for all of them; its end for reading, which does not block, goes to `*descriptor`. Not to be
// called by two threads at once.
int platter_catch_signal(int number, int *_Nonnull descriptor);

// Lets this process open as many files as the system grants it: the soft limit becomes the hard one. `*limit` is what it may
// have then, whether or not it could be changed. 0, or errno.
int platter_raise_open_files(uint64_t *_Nonnull limit);

// From now on a SIGBUS that comes of a page of a shared mapping of a file whose name ends in "-shm" (of SQLite) does not
// end the process: the page becomes one of the process alone, with what could be read of it, else zeros. Any other goes
// where it went before. ENOTSUP where that cannot be done. Not to be called by two threads at once.
int platter_survive_bus_errors(void);

// How many there were so far.
uint64_t platter_bus_errors_survived(void);

// 1 when a signal is ignored, as those are that the parent ignored (nohup).
int platter_ignores_signal(int number);

#endif
