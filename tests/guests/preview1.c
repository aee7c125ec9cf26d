// preview1 [PROGRAM]...: what the official suite of WASI preview 1 asks of a host, written from the
// specification: the official programs are in no package. One line for each program, "NAME ok", or
// what was not as it must be:
//
//     NAME LINE: CALL gave ERRNO
//
// Each works in the folder preview1-tree, its first directory must be "." or hold nothing of that
// name. Where the suite allows several errors, so does this.
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

#define TREE "preview1-tree"
enum { PREOPEN = 3 };

static int dir; // the folder that a program works in
static int failures;
static const char *program;

static void report(int line, const char *what, int got)
{
    printf("%s %d: %s gave %d\n", program, line, what, got);
    failures++;
}

// Whether `got` is among the numbers that follow; the last one is -1.
static void want(int line, const char *what, int got, ...)
{
    va_list allowed;
    int good = 0;
    va_start(allowed, got);
    for (int number; (number = va_arg(allowed, int)) >= 0;)
        good |= number == got;
    va_end(allowed);
    if (!good)
        report(line, what, got);
}

#define IS(call, ...) want(__LINE__, #call, (int)(call), __VA_ARGS__, -1)
#define OK(call)      IS(call, 0)
#define TRUE(what)    IS(!!(what), 1)

enum {
    BADF = __WASI_ERRNO_BADF,
    EXIST = __WASI_ERRNO_EXIST,
    INVAL = __WASI_ERRNO_INVAL,
    ILSEQ = __WASI_ERRNO_ILSEQ,
    ISDIR = __WASI_ERRNO_ISDIR,
    LOOP = __WASI_ERRNO_LOOP,
    NOENT = __WASI_ERRNO_NOENT,
    NOTDIR = __WASI_ERRNO_NOTDIR,
    NOTEMPTY = __WASI_ERRNO_NOTEMPTY,
    NOTSUP = __WASI_ERRNO_NOTSUP,
    NOTSOCK = __WASI_ERRNO_NOTSOCK,
    NOTCAPABLE = __WASI_ERRNO_NOTCAPABLE,
    PERM = __WASI_ERRNO_PERM,
    ACCES = __WASI_ERRNO_ACCES,
    SPIPE = __WASI_ERRNO_SPIPE,
    CREAT = __WASI_OFLAGS_CREAT,
    DIRECTORY = __WASI_OFLAGS_DIRECTORY,
    EXCL = __WASI_OFLAGS_EXCL,
    TRUNC = __WASI_OFLAGS_TRUNC,
    APPEND = __WASI_FDFLAGS_APPEND,
    FOLLOW = __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW,
};

#define READING                                                              \
    (__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_SEEK | __WASI_RIGHTS_FD_TELL | \
     __WASI_RIGHTS_FD_FILESTAT_GET)
#define WRITING                                                               \
    (__WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_SEEK | __WASI_RIGHTS_FD_TELL | \
     __WASI_RIGHTS_FD_FILESTAT_GET)
#define CHANGING                                                      \
    (__WASI_RIGHTS_FD_ALLOCATE | __WASI_RIGHTS_FD_FILESTAT_SET_SIZE | \
     __WASI_RIGHTS_FD_FILESTAT_SET_TIMES)

static int opened; // by the last open_file

static __wasi_errno_t open_file(const char *path, int lookup, int oflags, uint64_t rights,
                                int fdflags)
{
    __wasi_fd_t fd = 0;
    __wasi_errno_t error = __wasi_path_open(dir, (uint32_t)lookup, path, (uint16_t)oflags, rights,
                                            0, (uint16_t)fdflags, &fd);
    if (!error)
        opened = fd;
    return error;
}

static int make_file(const char *path)
{
    OK(open_file(path, 0, CREAT, READING | WRITING | CHANGING, 0));
    return opened;
}

static void make_and_close(const char *path)
{
    OK(__wasi_fd_close(make_file(path)));
}

// Fails, or what was opened is closed again.
static __wasi_errno_t try_open(const char *path, int lookup, int oflags, uint64_t rights)
{
    __wasi_errno_t error = open_file(path, lookup, oflags, rights, 0);
    return error ? error : __wasi_fd_close(opened);
}

static __wasi_errno_t put(int fd, const char *text, __wasi_size_t *done)
{
    __wasi_ciovec_t vector = {(const uint8_t *)text, strlen(text)};
    return __wasi_fd_write(fd, &vector, 1, done);
}

static __wasi_errno_t get(int fd, char *bytes, size_t size, __wasi_size_t *done)
{
    __wasi_iovec_t vector = {(uint8_t *)bytes, size};
    memset(bytes, 0, size);
    return __wasi_fd_read(fd, &vector, 1, done);
}

static uint64_t size_of(int fd)
{
    __wasi_filestat_t stat;
    OK(__wasi_fd_filestat_get(fd, &stat));
    return stat.size;
}

static uint64_t tell(int fd)
{
    __wasi_filesize_t at = UINT64_MAX;
    OK(__wasi_fd_tell(fd, &at));
    return at;
}

static void seek(int fd, int64_t to)
{
    __wasi_filesize_t at;
    OK(__wasi_fd_seek(fd, to, __WASI_WHENCE_SET, &at));
    TRUE(at == (uint64_t)to);
}

// ---- clocks, chance, arguments

static void big_random_buf(void)
{
    static unsigned char bytes[1024];
    OK(__wasi_random_get(bytes, sizeof bytes));
    int other = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        other |= bytes[i];
    TRUE(other);
    OK(__wasi_random_get(bytes, 0));
}

static void clocks(void)
{
    __wasi_timestamp_t resolution, first, second;
    for (unsigned clock = 0; clock < 2; clock++) {
        OK(__wasi_clock_res_get(clock, &resolution));
        TRUE(resolution > 0);
        OK(__wasi_clock_time_get(clock, 1, &first));
        OK(__wasi_clock_time_get(clock, 0, &second));
        TRUE(first <= second);
    }
    OK(__wasi_sched_yield());
}

static void arguments(void)
{
    __wasi_size_t count = 0, size = 0;
    OK(__wasi_args_sizes_get(&count, &size));
    TRUE(count >= 1 && size > count);
    OK(__wasi_environ_sizes_get(&count, &size));
    uint8_t **pointers = calloc(count + 1, sizeof *pointers), *bytes = malloc(size + 1);
    OK(__wasi_environ_get(pointers, bytes));
    for (size_t i = 0; i < count; i++)
        TRUE(strchr((char *)pointers[i], '='));
    free(pointers);
    free(bytes);
}

// ---- standard streams

static void stdio(void)
{
    __wasi_fdstat_t stat;
    for (int fd = 0; fd < 3; fd++) {
        OK(__wasi_fd_fdstat_get(fd, &stat));
        TRUE(isatty(fd) == (stat.fs_filetype == __WASI_FILETYPE_CHARACTER_DEVICE) || !isatty(fd));
    }
    __wasi_size_t done;
    OK(put(1, "", &done));
    TRUE(done == 0);
    IS(put(99, "x", &done), BADF);
    make_and_close("file");
    OK(open_file("file", 0, 0, READING, 0));
    TRUE(!isatty(opened));
    OK(__wasi_fd_close(opened));
}

static void sockets(void)
{
    int fd = make_file("file");
    IS(__wasi_sock_shutdown(fd, __WASI_SDFLAGS_RD), NOTSOCK, NOTCAPABLE, BADF);
    IS(__wasi_sock_shutdown(99, __WASI_SDFLAGS_RD), BADF);
    OK(__wasi_fd_close(fd));
}

static void poll_oneoff_stdio(void)
{
    __wasi_subscription_t on[2] = {
        {.userdata = 7, .u = {.tag = __WASI_EVENTTYPE_CLOCK}},
        {.userdata = 8, .u = {.tag = __WASI_EVENTTYPE_FD_WRITE, .u.fd_write.file_descriptor = 1}},
    };
    __wasi_event_t events[2] = {0};
    __wasi_size_t count = 0;
    on[0].u.u.clock =
        (__wasi_subscription_clock_t){.id = __WASI_CLOCKID_MONOTONIC, .timeout = 5000000};
    IS(__wasi_poll_oneoff(on, events, 0, &count), INVAL);
    OK(__wasi_poll_oneoff(on, events, 1, &count));
    TRUE(count == 1 && events[0].userdata == 7 && events[0].type == __WASI_EVENTTYPE_CLOCK &&
         events[0].error == 0);
    on[0].u.u.clock.timeout = 5000000000;
    OK(__wasi_poll_oneoff(on, events, 2, &count));
    TRUE(count == 1 && events[0].userdata == 8 && events[0].type == __WASI_EVENTTYPE_FD_WRITE);
    on[1].u.u.fd_write.file_descriptor = 99;
    int error = __wasi_poll_oneoff(on, events, 2, &count);
    IS(error, 0, BADF);
    TRUE(error || (count == 1 && events[0].userdata == 8 && events[0].error == BADF));
}

// ---- descriptors

static void renumber(void)
{
    __wasi_fdstat_t first, second;
    int from = make_file("from"), to = make_file("to");
    OK(__wasi_fd_fdstat_get(from, &first));
    IS(__wasi_fd_renumber(from, 999), BADF);
    IS(__wasi_fd_renumber(999, to), BADF);
    OK(__wasi_fd_renumber(from, to));
    IS(__wasi_fd_close(from), BADF);
    OK(__wasi_fd_fdstat_get(to, &second));
    TRUE(first.fs_rights_base == second.fs_rights_base && first.fs_filetype == second.fs_filetype);
    OK(__wasi_fd_close(to));
}

// A preopened directory can be closed and put at another number; here it is a copy that goes.
static void close_preopen(void)
{
    __wasi_prestat_t prestat;
    char name[256];
    OK(__wasi_fd_prestat_get(PREOPEN, &prestat));
    TRUE(prestat.tag == __WASI_PREOPENTYPE_DIR);
    IS(__wasi_fd_prestat_dir_name(PREOPEN, (uint8_t *)name, 0), __WASI_ERRNO_NAMETOOLONG, INVAL);
    OK(__wasi_fd_prestat_dir_name(PREOPEN, (uint8_t *)name, prestat.u.dir.pr_name_len));
    OK(open_file(".", 0, DIRECTORY, __WASI_RIGHTS_FD_READDIR, 0));
    int copy = opened;
    IS(__wasi_fd_prestat_get(copy, &prestat), BADF, NOTSUP, INVAL);
    int file = make_file("file");
    OK(__wasi_fd_renumber(copy, file));
    IS(__wasi_fd_close(copy), BADF);
    OK(__wasi_fd_close(file));
    IS(__wasi_fd_close(file), BADF);
}

static void dangling_fd(void)
{
    for (int i = 0; i < 2; i++) {
        IS(open_file("file", 0, CREAT | EXCL, READING | WRITING, 0), 0);
        OK(__wasi_path_unlink_file(dir, "file"));
        OK(__wasi_fd_close(opened));
        OK(__wasi_path_create_directory(dir, "folder"));
        OK(open_file("folder", 0, DIRECTORY, 0, 0));
        OK(__wasi_path_remove_directory(dir, "folder"));
        OK(__wasi_fd_close(opened));
    }
}

static void fd_advise(void)
{
    OK(open_file("file", 0, CREAT | EXCL, READING | WRITING | CHANGING | __WASI_RIGHTS_FD_ADVISE,
                 0));
    TRUE(size_of(opened) == 0);
    OK(__wasi_fd_filestat_set_size(opened, 100));
    OK(__wasi_fd_advise(opened, 10, 50, __WASI_ADVICE_NORMAL));
    TRUE(size_of(opened) == 100);
    int error = __wasi_fd_allocate(opened, 90, 20);
    IS(error, 0, NOTSUP);
    TRUE(size_of(opened) == (error ? 100 : 110));
    OK(__wasi_fd_close(opened));
}

static void fd_fdstat_set_rights(void)
{
    __wasi_fdstat_t stat;
    char byte;
    __wasi_size_t done;
    int fd = make_file("file");
    OK(__wasi_fd_fdstat_get(fd, &stat));
    OK(__wasi_fd_fdstat_set_rights(fd, stat.fs_rights_base, stat.fs_rights_inheriting));
    OK(__wasi_fd_fdstat_set_rights(fd, stat.fs_rights_base & ~__WASI_RIGHTS_FD_READ, 0));
    IS(get(fd, &byte, 1, &done), BADF, NOTCAPABLE);
    IS(__wasi_fd_fdstat_set_rights(fd, stat.fs_rights_base, stat.fs_rights_inheriting), NOTCAPABLE);
    OK(__wasi_fd_close(fd));
}

static void fd_flags_set(void)
{
    __wasi_size_t done;
    __wasi_fdstat_t stat;
    char bytes[16];
    OK(open_file("file", 0, CREAT, READING | WRITING | __WASI_RIGHTS_FD_FDSTAT_SET_FLAGS, APPEND));
    int fd = opened;
    OK(__wasi_fd_fdstat_get(fd, &stat));
    TRUE(stat.fs_flags & APPEND);
    OK(put(fd, "abc", &done));
    seek(fd, 0);
    OK(put(fd, "def", &done));
    seek(fd, 0);
    OK(get(fd, bytes, sizeof bytes, &done));
    TRUE(done == 6 && strcmp(bytes, "abcdef") == 0);
    OK(__wasi_fd_fdstat_set_flags(fd, 0));
    OK(__wasi_fd_fdstat_get(fd, &stat));
    TRUE(!(stat.fs_flags & APPEND));
    seek(fd, 0);
    OK(put(fd, "xyz", &done));
    seek(fd, 0);
    OK(get(fd, bytes, sizeof bytes, &done));
    TRUE(done == 6 && strcmp(bytes, "xyzdef") == 0);
    OK(__wasi_fd_close(fd));
}

static void dir_fd_op_failures(void)
{
    char byte;
    __wasi_size_t done;
    __wasi_filesize_t at;
    __wasi_iovec_t in = {(uint8_t *)&byte, 1};
    __wasi_ciovec_t out = {(const uint8_t *)"x", 1};
    OK(open_file(".", 0, DIRECTORY, 0, 0));
    int fd = opened;
    IS(__wasi_fd_read(fd, &in, 1, &done), ISDIR, BADF, NOTCAPABLE);
    IS(__wasi_fd_pread(fd, &in, 1, 0, &done), ISDIR, BADF, NOTCAPABLE);
    IS(__wasi_fd_write(fd, &out, 1, &done), ISDIR, BADF, NOTCAPABLE);
    IS(__wasi_fd_pwrite(fd, &out, 1, 0, &done), ISDIR, BADF, NOTCAPABLE);
    IS(__wasi_fd_seek(fd, 0, __WASI_WHENCE_CUR, &at), BADF, ISDIR, NOTCAPABLE);
    IS(__wasi_fd_tell(fd, &at), BADF, ISDIR, NOTCAPABLE);
    IS(__wasi_fd_filestat_set_size(fd, 0), BADF, ISDIR, NOTCAPABLE);
    IS(__wasi_fd_allocate(fd, 0, 0), BADF, ISDIR, NOTCAPABLE, NOTSUP);
    IS(__wasi_fd_advise(fd, 0, 0, 0), BADF, NOTCAPABLE, ISDIR);
    OK(__wasi_fd_close(fd));
}

static void directory_seek(void)
{
    __wasi_filesize_t at;
    __wasi_fdstat_t stat;
    OK(__wasi_path_create_directory(dir, "folder"));
    OK(open_file("folder", 0, DIRECTORY, 0, 0));
    IS(__wasi_fd_seek(opened, 0, __WASI_WHENCE_CUR, &at), BADF, NOTCAPABLE);
    OK(__wasi_fd_fdstat_get(opened, &stat));
    TRUE(stat.fs_filetype == __WASI_FILETYPE_DIRECTORY &&
         !(stat.fs_rights_base & __WASI_RIGHTS_FD_SEEK));
    OK(__wasi_fd_close(opened));
}

// ---- contents

static void file_allocate(void)
{
    int fd = make_file("file");
    int error = __wasi_fd_allocate(fd, 0, 100);
    IS(error, 0, NOTSUP);
    OK(__wasi_fd_filestat_set_size(fd, 100));
    if (!error) {
        OK(__wasi_fd_allocate(fd, 10, 10));
        TRUE(size_of(fd) == 100);
        OK(__wasi_fd_allocate(fd, 90, 20));
        TRUE(size_of(fd) == 110);
    }
    OK(__wasi_fd_filestat_set_size(fd, 30));
    TRUE(size_of(fd) == 30);
    OK(__wasi_fd_close(fd));
}

static void file_pread_pwrite(void)
{
    char bytes[8] = {0}, more[8] = {0};
    __wasi_size_t done;
    int fd = make_file("file");
    __wasi_ciovec_t out[2] = {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"cd", 2}};
    __wasi_iovec_t in[2] = {{(uint8_t *)bytes, 3}, {(uint8_t *)more, 5}};
    OK(__wasi_fd_pwrite(fd, out, 2, 1, &done));
    TRUE(done >= 2 && done <= 4 && tell(fd) == 0);
    OK(__wasi_fd_pwrite(fd, out + 1, 1, 3, &done));
    OK(__wasi_fd_pread(fd, in, 1, 1, &done));
    TRUE(done == 3 && memcmp(bytes, "abc", 3) == 0 && tell(fd) == 0);
    OK(__wasi_fd_pread(fd, in + 1, 1, 4, &done));
    TRUE(done == 1 && more[0] == 'd');
    OK(__wasi_fd_pread(fd, in, 2, 100, &done));
    TRUE(done == 0);
    OK(__wasi_fd_pread(fd, in, 0, 0, &done));
    TRUE(done == 0);
    OK(__wasi_fd_close(fd));
    // With APPEND, Linux writes at the end wherever it is told to.
    OK(open_file("file", 0, 0, READING | WRITING, APPEND));
    OK(__wasi_fd_pwrite(opened, out, 1, 0, &done));
    OK(__wasi_fd_close(opened));
}

static void file_seek_tell(void)
{
    __wasi_size_t done;
    __wasi_filesize_t at;
    int fd = make_file("file");
    TRUE(tell(fd) == 0);
    OK(put(fd, "0123456789", &done));
    TRUE(tell(fd) == 10);
    OK(__wasi_fd_seek(fd, -5, __WASI_WHENCE_CUR, &at));
    TRUE(at == 5);
    OK(__wasi_fd_seek(fd, 0, __WASI_WHENCE_END, &at));
    TRUE(at == 10);
    seek(fd, 1000);
    IS(__wasi_fd_seek(fd, -2000, __WASI_WHENCE_CUR, &at), INVAL);
    TRUE(tell(fd) == 1000);
    OK(__wasi_fd_close(fd));
}

static void file_truncation(void)
{
    __wasi_size_t done;
    int fd = make_file("file");
    OK(put(fd, "some text", &done));
    OK(__wasi_fd_close(fd));
    OK(open_file("file", 0, CREAT | TRUNC, READING | WRITING, 0));
    TRUE(size_of(opened) == 0);
    OK(__wasi_fd_close(opened));
}

static void file_unbuffered_write(void)
{
    __wasi_size_t done;
    char bytes[4];
    int fd = make_file("file");
    OK(open_file("file", 0, 0, READING, 0));
    int reader = opened;
    OK(put(fd, "x", &done));
    OK(get(reader, bytes, sizeof bytes, &done));
    TRUE(done == 1 && bytes[0] == 'x');
    OK(__wasi_fd_close(reader));
    OK(__wasi_fd_close(fd));
}

static void path_open_read_write(void)
{
    char bytes[8];
    __wasi_size_t done;
    make_and_close("file");
    OK(open_file("file", 0, 0, READING, 0));
    IS(put(opened, "x", &done), BADF, NOTCAPABLE);
    OK(get(opened, bytes, sizeof bytes, &done));
    OK(__wasi_fd_close(opened));
    OK(open_file("file", 0, 0, WRITING, 0));
    IS(get(opened, bytes, sizeof bytes, &done), BADF, NOTCAPABLE);
    OK(put(opened, "x", &done));
    OK(__wasi_fd_close(opened));
}

static void truncation_rights(void)
{
    __wasi_fdstat_t stat;
    make_and_close("file");
    OK(__wasi_fd_fdstat_get(dir, &stat));
    TRUE(!(stat.fs_rights_base & __WASI_RIGHTS_FD_FILESTAT_SET_SIZE));
    if (!(stat.fs_rights_base & __WASI_RIGHTS_PATH_FILESTAT_SET_SIZE))
        return;
    OK(try_open("file", 0, TRUNC, WRITING));
    __wasi_fd_t fd;
    OK(__wasi_path_open(dir, 0, ".", DIRECTORY, stat.fs_rights_base, stat.fs_rights_inheriting, 0,
                        &fd));
    int before = dir;
    dir = fd;
    OK(__wasi_fd_fdstat_set_rights(fd, stat.fs_rights_base & ~__WASI_RIGHTS_PATH_FILESTAT_SET_SIZE,
                                   stat.fs_rights_inheriting));
    IS(try_open("file", 0, TRUNC, WRITING), NOTCAPABLE, PERM);
    dir = before;
    OK(__wasi_fd_close(fd));
}

// ---- times

static void fd_filestat_set(void)
{
    __wasi_filestat_t before, stat;
    int fd = make_file("file");
    OK(__wasi_fd_filestat_get(fd, &before));
    OK(__wasi_fd_filestat_set_size(fd, 100));
    OK(__wasi_fd_filestat_get(fd, &stat));
    TRUE(stat.size == 100 && stat.nlink == 1 && stat.filetype == __WASI_FILETYPE_REGULAR_FILE &&
         stat.ino == before.ino);
    uint64_t time = before.mtim - 100000000;
    OK(__wasi_fd_filestat_set_times(fd, before.atim, time, __WASI_FSTFLAGS_MTIM));
    OK(__wasi_fd_filestat_get(fd, &stat));
    TRUE(stat.mtim == time);
    OK(__wasi_path_filestat_set_times(dir, 0, "file", 0, time - 100, __WASI_FSTFLAGS_MTIM));
    OK(__wasi_path_filestat_get(dir, 0, "file", &stat));
    TRUE(stat.mtim == time - 100);
    OK(__wasi_fd_close(fd));
}

static void fstflags_validate(void)
{
    int fd = make_file("file");
    int both[] = {__WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_ATIM_NOW,
                  __WASI_FSTFLAGS_MTIM | __WASI_FSTFLAGS_MTIM_NOW};
    for (int i = 0; i < 2; i++) {
        IS(__wasi_fd_filestat_set_times(fd, 100, 100, (uint16_t)both[i]), INVAL);
        IS(__wasi_path_filestat_set_times(dir, 0, "file", 100, 100, (uint16_t)both[i]), INVAL);
    }
    OK(__wasi_fd_close(fd));
}

// ---- directories

static void fd_readdir(void)
{
    uint8_t bytes[2048];
    __wasi_size_t used;
    int names = 0, dots = 0;
    __wasi_dirent_t entry;
    make_and_close("file");
    OK(__wasi_path_create_directory(dir, "nested"));
    OK(open_file(".", 0, DIRECTORY, __WASI_RIGHTS_FD_READDIR | __WASI_RIGHTS_FD_FILESTAT_GET, 0));
    uint64_t cookies[8] = {0};
    OK(__wasi_fd_readdir(opened, bytes, sizeof bytes, 0, &used));
    for (size_t at = 0; at + sizeof entry <= used && names < 8;
         at += sizeof entry + entry.d_namlen) {
        memcpy(&entry, bytes + at, sizeof entry);
        dots += bytes[at + sizeof entry] == '.';
        cookies[names++] = entry.d_next;
    }
    TRUE(names == 4 && dots == 2 && used < sizeof bytes);
    for (int i = 0; i < names; i++) { // from each place on
        OK(__wasi_fd_readdir(opened, bytes, sizeof bytes, cookies[i], &used));
        int rest = 0;
        for (size_t at = 0; at + sizeof entry <= used; at += sizeof entry + entry.d_namlen, rest++)
            memcpy(&entry, bytes + at, sizeof entry);
        TRUE(rest == names - 1 - i);
    }
    OK(__wasi_fd_readdir(opened, bytes, 10, 0, &used));
    TRUE(used == 10);
    OK(__wasi_fd_close(opened));
    int file = make_file("file");
    IS(__wasi_fd_readdir(file, bytes, sizeof bytes, 0, &used), BADF, NOTDIR, NOTCAPABLE);
    OK(__wasi_fd_close(file));
}

static void remove_directories(void)
{
    OK(__wasi_path_create_directory(dir, "folder"));
    OK(__wasi_path_remove_directory(dir, "folder"));
    OK(__wasi_path_create_directory(dir, "folder"));
    OK(__wasi_path_remove_directory(dir, "folder/"));
    IS(__wasi_path_remove_directory(dir, "folder"), NOENT);
    make_and_close("file");
    IS(__wasi_path_remove_directory(dir, "file"), NOTDIR);
    IS(__wasi_path_remove_directory(dir, "file/"), NOTDIR);
    OK(__wasi_path_create_directory(dir, "full"));
    OK(__wasi_path_create_directory(dir, "full/nested"));
    IS(__wasi_path_remove_directory(dir, "full"), NOTEMPTY);
    IS(__wasi_path_create_directory(dir, "full"), EXIST);
    OK(__wasi_path_remove_directory(dir, "full/nested"));
    OK(__wasi_path_remove_directory(dir, "full"));
}

static void unlink_file_trailing_slashes(void)
{
    OK(__wasi_path_create_directory(dir, "folder"));
    IS(__wasi_path_unlink_file(dir, "folder"), ISDIR, PERM, ACCES);
    IS(__wasi_path_unlink_file(dir, "folder/"), ISDIR, PERM, ACCES);
    IS(__wasi_path_unlink_file(dir, "none/"), NOENT);
    make_and_close("file");
    IS(__wasi_path_unlink_file(dir, "file/"), NOTDIR);
    OK(__wasi_path_unlink_file(dir, "file"));
    IS(__wasi_path_unlink_file(dir, "file"), NOENT);
}

static void path_rename(void)
{
    OK(__wasi_path_create_directory(dir, "a"));
    OK(__wasi_path_rename(dir, "a", dir, "b"));
    IS(try_open("a", 0, DIRECTORY, 0), NOENT);
    OK(try_open("b", 0, DIRECTORY, 0));
    OK(__wasi_path_create_directory(dir, "a"));
    OK(__wasi_path_rename(dir, "a", dir, "b")); // onto an empty one
    OK(__wasi_path_create_directory(dir, "a"));
    make_and_close("b/file");
    IS(__wasi_path_rename(dir, "a", dir, "b"), NOTEMPTY);
    make_and_close("file");
    IS(__wasi_path_rename(dir, "a", dir, "file"), NOTDIR);
    IS(__wasi_path_rename(dir, "file", dir, "a"), ISDIR);
    make_and_close("other");
    OK(__wasi_path_rename(dir, "file", dir, "other"));
    IS(try_open("file", 0, 0, READING), NOENT);
    IS(__wasi_path_rename(dir, "none", dir, "none"), NOENT);
}

static void path_rename_trailing_slashes(void)
{
    OK(__wasi_path_create_directory(dir, "source"));
    OK(__wasi_path_rename(dir, "source/", dir, "target"));
    OK(__wasi_path_rename(dir, "target", dir, "source/"));
    OK(__wasi_path_rename(dir, "source/", dir, "target/"));
    make_and_close("file");
    IS(__wasi_path_rename(dir, "file", dir, "new/"), NOTDIR, NOENT);
    IS(__wasi_path_rename(dir, "file/", dir, "new"), NOTDIR);
    IS(__wasi_path_rename(dir, "file/", dir, "new/"), NOTDIR);
    OK(try_open("file", 0, 0, READING));
}

// ---- opening

static void path_open_existing(void)
{
    make_and_close("file");
    IS(try_open("file", 0, CREAT | EXCL, READING | WRITING), EXIST);
    IS(try_open("none", 0, 0, READING), NOENT);
    OK(open_file("file", 0, 0, READING, __WASI_FDFLAGS_NONBLOCK));
    OK(__wasi_fd_close(opened));
    IS(try_open("file", 0, DIRECTORY, 0), NOTDIR);
    IS(try_open("new", 0, CREAT | DIRECTORY, 0), INVAL, NOTDIR, NOENT, NOTSUP, ISDIR);
}

static void path_open_dirfd_not_dir(void)
{
    int before = dir;
    dir = make_file("file");
    IS(try_open("foo", 0, CREAT, READING | WRITING), NOTDIR, NOTCAPABLE);
    OK(__wasi_fd_close(dir));
    dir = before;
}

// A directory can be opened with its own rights, and with none; not to be written.
static void path_open_preopen(void)
{
    __wasi_fdstat_t stat;
    __wasi_fd_t fd;
    OK(__wasi_fd_fdstat_get(PREOPEN, &stat));
    OK(__wasi_path_open(PREOPEN, 0, ".", DIRECTORY, stat.fs_rights_base & ~__WASI_RIGHTS_FD_WRITE,
                        stat.fs_rights_inheriting, 0, &fd));
    OK(__wasi_fd_close(fd));
    OK(__wasi_path_open(PREOPEN, 0, ".", DIRECTORY, 0, 0, 0, &fd));
    OK(__wasi_fd_close(fd));
    IS(__wasi_path_open(PREOPEN, 0, ".", DIRECTORY,
                        stat.fs_rights_base | __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE,
                        stat.fs_rights_inheriting, 0, &fd),
       ISDIR);
    IS(__wasi_path_open(PREOPEN, 0, ".", 0, __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE, 0, 0,
                        &fd),
       ISDIR);
}

static __wasi_errno_t open_bytes(const char *path, size_t size)
{
    extern int32_t raw_path_open(int32_t, int32_t, const char *, size_t, int32_t, int64_t, int64_t,
                                 int32_t, __wasi_fd_t *)
        __attribute__((import_module("wasi_snapshot_preview1"), import_name("path_open")));
    __wasi_fd_t fd;
    int error = raw_path_open(dir, 0, path, size, 0, READING, 0, 0, &fd);
    return error ? (__wasi_errno_t)error : __wasi_fd_close(fd);
}

#define BYTES(text) text, sizeof text - 1

static void interesting_paths(void)
{
    OK(__wasi_path_create_directory(dir, "dir"));
    OK(__wasi_path_create_directory(dir, "dir/nested"));
    make_and_close("dir/nested/file");
    OK(open_bytes(BYTES("dir/nested/file")));
    IS(open_bytes(BYTES("/dir/nested/file")), PERM, NOTCAPABLE);
    OK(open_bytes(BYTES("dir/.//nested/../../dir/nested/../nested///./file")));
    IS(open_bytes(BYTES("/dir/.//nested/../../dir/nested/../nested///./file")), PERM, NOTCAPABLE);
    IS(open_bytes(BYTES("dir/nested/file\0")), INVAL, ILSEQ, NOENT);
    IS(open_bytes(BYTES("dir/nested/fi\xffle")), ILSEQ, INVAL, NOENT);
    IS(open_bytes(BYTES("dir/nested/file/")), NOTDIR, NOENT);
    IS(open_bytes(BYTES("")), NOENT, INVAL);
    OK(try_open("dir/nested/", 0, DIRECTORY, 0));
    OK(try_open("dir/nested///", 0, DIRECTORY, 0));
    IS(open_bytes(BYTES("dir/nested/../../../preview1-tree/dir/nested/file")), PERM, NOTCAPABLE);
    IS(open_bytes(BYTES("..")), PERM, NOTCAPABLE);
    OK(__wasi_path_unlink_file(dir, "dir/nested/file"));
}

static void path_exists(void)
{
    __wasi_filestat_t stat;
    OK(__wasi_path_create_directory(dir, "sub"));
    make_and_close("sub/file");
    OK(__wasi_path_filestat_get(dir, 0, "sub/file", &stat));
    TRUE(stat.filetype == __WASI_FILETYPE_REGULAR_FILE);
    OK(__wasi_path_filestat_get(dir, FOLLOW, "sub/file", &stat));
    OK(__wasi_path_filestat_get(dir, 0, "sub", &stat));
    TRUE(stat.filetype == __WASI_FILETYPE_DIRECTORY);
    IS(__wasi_path_filestat_get(dir, 0, "sub/none", &stat), NOENT);
    IS(__wasi_path_filestat_get(dir, 0, "none", &stat), NOENT);
}

// ---- links

static void path_link(void)
{
    __wasi_filestat_t first, second;
    make_and_close("file");
    OK(__wasi_path_link(dir, 0, "file", dir, "link"));
    OK(__wasi_path_filestat_get(dir, 0, "file", &first));
    OK(__wasi_path_filestat_get(dir, 0, "link", &second));
    TRUE(first.dev == second.dev && first.ino == second.ino && second.nlink == 2);
    IS(__wasi_path_link(dir, 0, "file", dir, "link"), EXIST);
    IS(__wasi_path_link(dir, 0, "file", dir, "file"), EXIST);
    IS(__wasi_path_link(dir, 0, "none", dir, "new"), NOENT);
    IS(__wasi_path_link(dir, 0, "file", dir, "new/"), NOENT, NOTDIR);
    IS(__wasi_path_link(dir, 0, "link/", dir, "new"), NOTDIR, NOENT);
    OK(__wasi_path_create_directory(dir, "sub"));
    OK(__wasi_path_link(dir, 0, "file", dir, "sub/link"));
    IS(__wasi_path_link(dir, 0, "file", dir, "sub"), EXIST);
    IS(__wasi_path_link(dir, 0, "sub", dir, "new"), PERM, ACCES);
    OK(__wasi_path_symlink("file", dir, "symlink"));
    IS(__wasi_path_link(dir, 0, "file", dir, "symlink"), EXIST);
    OK(__wasi_path_link(dir, 0, "symlink", dir, "copy"));
    IS(__wasi_path_link(dir, FOLLOW, "symlink", dir, "new"), INVAL);
    OK(__wasi_path_symlink("none", dir, "dangling"));
    IS(__wasi_path_link(dir, 0, "file", dir, "dangling"), EXIST);
    OK(__wasi_path_link(dir, 0, "dangling", dir, "too"));
}

static void path_symlink_trailing_slashes(void)
{
    IS(__wasi_path_symlink("source", dir, "target/"), NOENT, NOTDIR);
    OK(__wasi_path_symlink("source", dir, "target"));
    OK(__wasi_path_unlink_file(dir, "target"));
    OK(__wasi_path_create_directory(dir, "target"));
    IS(__wasi_path_symlink("source", dir, "target/"), EXIST);
    IS(__wasi_path_symlink("source", dir, "target"), EXIST);
    OK(__wasi_path_remove_directory(dir, "target"));
    make_and_close("target");
    IS(__wasi_path_symlink("source", dir, "target/"), EXIST, NOTDIR);
    IS(__wasi_path_symlink("source", dir, "target"), EXIST);
}

static void dangling_symlink(void)
{
    OK(__wasi_path_symlink("target", dir, "symlink"));
    IS(try_open("symlink", 0, DIRECTORY, 0), NOTDIR, LOOP);
    IS(try_open("symlink", 0, 0, READING), LOOP);
    IS(try_open("symlink", FOLLOW, 0, READING), NOENT);
    IS(try_open("symlink", FOLLOW, CREAT | EXCL, WRITING), EXIST);
    IS(try_open("target", 0, 0, READING), NOENT);
}

static void nofollow_errors(void)
{
    OK(__wasi_path_create_directory(dir, "target"));
    OK(__wasi_path_symlink("target", dir, "symlink"));
    IS(try_open("symlink", 0, DIRECTORY, 0), LOOP, NOTDIR);
    IS(try_open("symlink", 0, 0, READING), LOOP);
    OK(try_open("symlink", FOLLOW, DIRECTORY, 0));
    OK(try_open("symlink/", 0, DIRECTORY, 0));
    IS(__wasi_path_remove_directory(dir, "symlink"), NOTDIR);
    IS(__wasi_path_remove_directory(dir, "symlink/"), NOTDIR);
    OK(__wasi_path_remove_directory(dir, "target"));
    make_and_close("target");
    IS(try_open("symlink", 0, DIRECTORY, 0), LOOP, NOTDIR);
    IS(try_open("symlink", 0, 0, READING), LOOP);
    OK(try_open("symlink", FOLLOW, 0, READING));
    IS(try_open("symlink/", FOLLOW, 0, READING), NOTDIR);
}

static void symlink_loop(void)
{
    __wasi_filestat_t stat;
    OK(__wasi_path_symlink("loop", dir, "loop"));
    IS(try_open("loop", 0, 0, READING), LOOP);
    IS(try_open("loop", FOLLOW, 0, READING), LOOP);
    IS(__wasi_path_filestat_get(dir, FOLLOW, "loop", &stat), LOOP);
    OK(__wasi_path_filestat_get(dir, 0, "loop", &stat));
}

static void symlink_filestat(void)
{
    __wasi_filestat_t stat;
    int fd = make_file("file");
    __wasi_size_t done;
    OK(put(fd, "some text", &done));
    OK(__wasi_path_symlink("file", dir, "symlink"));
    OK(__wasi_path_filestat_get(dir, 0, "symlink", &stat));
    TRUE(stat.filetype == __WASI_FILETYPE_SYMBOLIC_LINK && stat.size == 4);
    OK(__wasi_path_filestat_get(dir, FOLLOW, "symlink", &stat));
    TRUE(stat.filetype == __WASI_FILETYPE_REGULAR_FILE && stat.size == 9);
    IS(__wasi_path_symlink("/absolute", dir, "out"), PERM, NOTCAPABLE, INVAL);
    IS(__wasi_path_symlink("", dir, "empty"), NOENT, INVAL);
    OK(__wasi_fd_close(fd));
}

static void readlink_buffers(void)
{
    uint8_t bytes[16] = {0};
    __wasi_size_t used;
    OK(__wasi_path_symlink("target", dir, "symlink"));
    OK(__wasi_path_readlink(dir, "symlink", bytes, sizeof bytes, &used));
    TRUE(used == 6 && memcmp(bytes, "target", 7) == 0);
    memset(bytes, 0, sizeof bytes);
    OK(__wasi_path_readlink(dir, "symlink", bytes, 4, &used));
    TRUE(used == 4 && memcmp(bytes, "targ", 5) == 0);
    make_and_close("file");
    IS(__wasi_path_readlink(dir, "file", bytes, sizeof bytes, &used), INVAL);
    IS(__wasi_path_readlink(dir, "none", bytes, sizeof bytes, &used), NOENT);
}

// ---- all of them

static const struct {
    const char *name;
    void (*run)(void);
} programs[] = {
#define RUN(name) {#name, name}
    RUN(big_random_buf),
    RUN(clocks),
    RUN(arguments),
    RUN(stdio),
    RUN(sockets),
    RUN(poll_oneoff_stdio),
    RUN(renumber),
    RUN(close_preopen),
    RUN(dangling_fd),
    RUN(fd_advise),
    RUN(fd_fdstat_set_rights),
    RUN(fd_flags_set),
    RUN(dir_fd_op_failures),
    RUN(directory_seek),
    RUN(file_allocate),
    RUN(file_pread_pwrite),
    RUN(file_seek_tell),
    RUN(file_truncation),
    RUN(file_unbuffered_write),
    RUN(path_open_read_write),
    RUN(truncation_rights),
    RUN(fd_filestat_set),
    RUN(fstflags_validate),
    RUN(fd_readdir),
    RUN(remove_directories),
    RUN(unlink_file_trailing_slashes),
    RUN(path_rename),
    RUN(path_rename_trailing_slashes),
    RUN(path_open_existing),
    RUN(path_open_dirfd_not_dir),
    RUN(path_open_preopen),
    RUN(interesting_paths),
    RUN(path_exists),
    RUN(path_link),
    RUN(path_symlink_trailing_slashes),
    RUN(dangling_symlink),
    RUN(nofollow_errors),
    RUN(symlink_loop),
    RUN(symlink_filestat),
    RUN(readlink_buffers),
#undef RUN
};

static void clear(const char *path)
{
    for (int again = 1; again;) {
        DIR *folder = opendir(path);
        again = 0;
        for (struct dirent *entry; folder && !again && (entry = readdir(folder));) {
            char below[600];
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
            struct stat stat;
            if (unlink(below) != 0)
                clear(below);
            again = lstat(below, &stat) != 0;
        }
        if (folder)
            closedir(folder);
    }
    rmdir(path);
}

static void run(size_t which)
{
    __wasi_fdstat_t stat;
    __wasi_fd_t fd;
    int before = failures;
    program = programs[which].name;
    clear(TREE);
    OK(__wasi_path_create_directory(PREOPEN, TREE));
    OK(__wasi_fd_fdstat_get(PREOPEN, &stat));
    OK(__wasi_path_open(PREOPEN, 0, TREE, DIRECTORY, stat.fs_rights_base & ~__WASI_RIGHTS_FD_WRITE,
                        stat.fs_rights_inheriting, 0, &fd));
    dir = fd;
    programs[which].run();
    OK(__wasi_fd_close(fd));
    if (failures == before)
        printf("%s ok\n", program);
    fflush(stdout);
    clear(TREE);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        int named = argc == 1;
        for (int j = 1; j < argc; j++)
            named |= strcmp(argv[j], programs[i].name) == 0;
        if (named)
            run(i);
    }
    return failures != 0;
}
