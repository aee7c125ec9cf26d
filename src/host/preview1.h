/* preview1.h - the numbers and structures of WASI preview 1 that src/wasi (the guest's side) and
 * src/host (the machine's side) share.
 *
 * Structures have the members of the preview in its order. In memory they are C structures of this
 * machine; the guest's form of them is written by src/wasi. */
#ifndef HOST_PREVIEW1_H
#define HOST_PREVIEW1_H

#include <stddef.h>
#include <stdint.h>

enum {
    ERRNO_SUCCESS = 0,
#define ERRNO(name, number, message) ERRNO_##name = number,
#include "host/errno.def"
};
typedef uint16_t wasi_errno;

/* "no such file or directory", ...; never NULL. */
const char *errno_message(wasi_errno error);

#define RIGHT_FD_DATASYNC             (UINT64_C(1) << 0)
#define RIGHT_FD_READ                 (UINT64_C(1) << 1)
#define RIGHT_FD_SEEK                 (UINT64_C(1) << 2)
#define RIGHT_FD_FDSTAT_SET_FLAGS     (UINT64_C(1) << 3)
#define RIGHT_FD_SYNC                 (UINT64_C(1) << 4)
#define RIGHT_FD_TELL                 (UINT64_C(1) << 5)
#define RIGHT_FD_WRITE                (UINT64_C(1) << 6)
#define RIGHT_FD_ADVISE               (UINT64_C(1) << 7)
#define RIGHT_FD_ALLOCATE             (UINT64_C(1) << 8)
#define RIGHT_PATH_CREATE_DIRECTORY   (UINT64_C(1) << 9)
#define RIGHT_PATH_CREATE_FILE        (UINT64_C(1) << 10)
#define RIGHT_PATH_LINK_SOURCE        (UINT64_C(1) << 11)
#define RIGHT_PATH_LINK_TARGET        (UINT64_C(1) << 12)
#define RIGHT_PATH_OPEN               (UINT64_C(1) << 13)
#define RIGHT_FD_READDIR              (UINT64_C(1) << 14)
#define RIGHT_PATH_READLINK           (UINT64_C(1) << 15)
#define RIGHT_PATH_RENAME_SOURCE      (UINT64_C(1) << 16)
#define RIGHT_PATH_RENAME_TARGET      (UINT64_C(1) << 17)
#define RIGHT_PATH_FILESTAT_GET       (UINT64_C(1) << 18)
#define RIGHT_PATH_FILESTAT_SET_SIZE  (UINT64_C(1) << 19)
#define RIGHT_PATH_FILESTAT_SET_TIMES (UINT64_C(1) << 20)
#define RIGHT_FD_FILESTAT_GET         (UINT64_C(1) << 21)
#define RIGHT_FD_FILESTAT_SET_SIZE    (UINT64_C(1) << 22)
#define RIGHT_FD_FILESTAT_SET_TIMES   (UINT64_C(1) << 23)
#define RIGHT_PATH_SYMLINK            (UINT64_C(1) << 24)
#define RIGHT_PATH_REMOVE_DIRECTORY   (UINT64_C(1) << 25)
#define RIGHT_PATH_UNLINK_FILE        (UINT64_C(1) << 26)
#define RIGHT_POLL_FD_READWRITE       (UINT64_C(1) << 27)
#define RIGHT_SOCK_SHUTDOWN           (UINT64_C(1) << 28)
#define RIGHT_SOCK_ACCEPT             (UINT64_C(1) << 29)

/* Every right there is; those that mean something on a directory; on a file below one; on a
 * standard stream; on a connection. */
#define RIGHTS_ALL ((UINT64_C(1) << 30) - 1)
#define RIGHTS_DIRECTORY                                                                          \
    (RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_SYNC | RIGHT_FD_ADVISE | RIGHT_PATH_CREATE_DIRECTORY |  \
     RIGHT_PATH_CREATE_FILE | RIGHT_PATH_LINK_SOURCE | RIGHT_PATH_LINK_TARGET | RIGHT_PATH_OPEN | \
     RIGHT_FD_READDIR | RIGHT_PATH_READLINK | RIGHT_PATH_RENAME_SOURCE |                          \
     RIGHT_PATH_RENAME_TARGET | RIGHT_PATH_FILESTAT_GET | RIGHT_PATH_FILESTAT_SET_SIZE |          \
     RIGHT_PATH_FILESTAT_SET_TIMES | RIGHT_FD_FILESTAT_GET | RIGHT_FD_FILESTAT_SET_TIMES |        \
     RIGHT_PATH_SYMLINK | RIGHT_PATH_REMOVE_DIRECTORY | RIGHT_PATH_UNLINK_FILE |                  \
     RIGHT_POLL_FD_READWRITE)
#define RIGHTS_FILE                                                                         \
    (RIGHT_FD_DATASYNC | RIGHT_FD_READ | RIGHT_FD_SEEK | RIGHT_FD_FDSTAT_SET_FLAGS |        \
     RIGHT_FD_SYNC | RIGHT_FD_TELL | RIGHT_FD_WRITE | RIGHT_FD_ADVISE | RIGHT_FD_ALLOCATE | \
     RIGHT_FD_FILESTAT_GET | RIGHT_FD_FILESTAT_SET_SIZE | RIGHT_FD_FILESTAT_SET_TIMES |     \
     RIGHT_POLL_FD_READWRITE)
#define RIGHTS_STREAM                                                                         \
    (RIGHT_FD_DATASYNC | RIGHT_FD_READ | RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_SYNC |          \
     RIGHT_FD_WRITE | RIGHT_FD_FILESTAT_GET | RIGHT_POLL_FD_READWRITE | RIGHT_SOCK_SHUTDOWN | \
     RIGHT_SOCK_ACCEPT)
#define RIGHTS_SOCKET                                                                     \
    (RIGHT_FD_READ | RIGHT_FD_WRITE | RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_FILESTAT_GET | \
     RIGHT_POLL_FD_READWRITE | RIGHT_SOCK_SHUTDOWN | RIGHT_SOCK_ACCEPT)
/* Those for which a file has to be open for writing. */
#define RIGHTS_WRITING (RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE)

enum { CLOCK_REAL = 0, CLOCK_MONO = 1, CLOCK_PROCESS = 2, CLOCK_THREAD = 3 };
enum { WHENCE_SET = 0, WHENCE_CUR = 1, WHENCE_END = 2 };

enum filetype {
    FILETYPE_UNKNOWN = 0,
    FILETYPE_BLOCK_DEVICE = 1,
    FILETYPE_CHARACTER_DEVICE = 2,
    FILETYPE_DIRECTORY = 3,
    FILETYPE_REGULAR_FILE = 4,
    FILETYPE_SOCKET_DGRAM = 5,
    FILETYPE_SOCKET_STREAM = 6,
    FILETYPE_SYMBOLIC_LINK = 7
};

#define FDFLAG_APPEND   1u
#define FDFLAG_DSYNC    2u
#define FDFLAG_NONBLOCK 4u
#define FDFLAG_RSYNC    8u
#define FDFLAG_SYNC     16u
#define FDFLAGS_ALL     31u

#define LOOKUP_SYMLINK_FOLLOW 1u

#define OFLAG_CREAT     1u
#define OFLAG_DIRECTORY 2u
#define OFLAG_EXCL      4u
#define OFLAG_TRUNC     8u

#define FSTFLAG_ATIM     1u
#define FSTFLAG_ATIM_NOW 2u
#define FSTFLAG_MTIM     4u
#define FSTFLAG_MTIM_NOW 8u

#define RIFLAG_PEEK    1u
#define RIFLAG_WAITALL 2u
#define SDFLAG_RD      1u
#define SDFLAG_WR      2u

enum { EVENT_CLOCK = 0, EVENT_FD_READ = 1, EVENT_FD_WRITE = 2 };
#define EVENT_HANGUP          1u
#define SUBCLOCKFLAG_ABSOLUTE 1u

/* A piece of memory to be read into or written from. Has the layout of the host's own (`iovec` in
 * POSIX, `iovec`/`ciovec` of the preview in Wasm), so that an array of it is passed on as it is. */
struct iovec_view {
    uint8_t *data;
    size_t size;
};

struct filestat {
    uint64_t dev;
    uint64_t ino;
    uint8_t filetype; /* enum filetype */
    uint64_t nlink;
    uint64_t size;
    uint64_t atim; /* nanoseconds since 1970 */
    uint64_t mtim;
    uint64_t ctim;
};

#endif
