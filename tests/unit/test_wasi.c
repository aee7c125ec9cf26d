/* test_wasi.c - WASI preview 1 as a guest meets it, without an interpreter: functions are called
 * with a memory that belongs to no module.
 *
 * Everything that is portable also runs inside a host (compiled to Wasm, with a directory given);
 * argument 1 is then the directory to work in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#ifndef __wasi__
#    include <signal.h>
#    include <sys/wait.h>
#endif

#include "check.h"
#include "host/host.h"
#include "wasi/carry.h"
#include "wasi/wasi_call.h"

/* ---- a guest without a module */

enum { GUEST_MEMORY = 65536, STRINGS = 4096, BUFFER = 16384, RESULT = 64 };

static uint8_t guest_memory[GUEST_MEMORY];
static struct memory memory = {.base = guest_memory, .size = GUEST_MEMORY, .pages = 1};
static struct instance instance = {.memory = &memory};
static struct execution execution = {.instance = &instance};
static struct wasi *wasi;
static struct error error;

typedef outcome (*wasi_implementation)(const struct call *call);

static const struct {
    wasi_implementation function;
    const char *parameters;
} functions[] = {
#define FUNCTION(name, parameters, results, modules, waits) {wasi_##name, parameters},
#include "wasi/functions.def"
};

static bool unstable; /* calls are of WASI's first snapshot */

static outcome invoke(wasi_implementation function, const uint64_t *arguments, size_t count)
{
    union value values[10] = {0};
    size_t which = 0;
    while (functions[which].function != function)
        which++;
    for (size_t i = 0; i < count; i++)
        if (functions[which].parameters[i] == 'i')
            values[i].i32 = (uint32_t)arguments[i];
        else
            values[i].i64 = arguments[i];
    struct call call = {
        .wasi = wasi, .execution = &execution, .arguments = values, .unstable = unstable};
    return function(&call);
}

#define INVOKE(function, ...)                                \
    invoke(wasi_##function, (const uint64_t[]){__VA_ARGS__}, \
           sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* Two strings can be in the guest's memory at a time. */
static uint32_t put_string(unsigned which, const char *text)
{
    uint32_t at = STRINGS + which * 6000;
    memcpy(guest_memory + at, text, strlen(text));
    return at;
}

#define PATH(text)        put_string(0, text), strlen(text)
#define SECOND_PATH(text) put_string(1, text), strlen(text)

static uint32_t result32(void)
{
    return get_le32(guest_memory + RESULT);
}

/* One iovec at 0 over the buffer. */
static void put_iovec(uint32_t at, uint32_t size)
{
    put_le32(guest_memory, at);
    put_le32(guest_memory + 4, size);
}

static const uint64_t READ_WRITE = RIGHTS_FILE;
static const uint64_t READ_ONLY = RIGHTS_FILE & ~RIGHTS_WRITING;

static outcome open_at(uint32_t dir, const char *path, uint32_t lookup, uint32_t oflags,
                       uint64_t rights, uint32_t fdflags)
{
    return INVOKE(path_open, dir, lookup, PATH(path), oflags, rights, RIGHTS_ALL, fdflags, RESULT);
}

static uint32_t opened(const char *path, uint32_t oflags, uint64_t rights, uint32_t fdflags)
{
    outcome result = open_at(3, path, LOOKUP_SYMLINK_FOLLOW, oflags, rights, fdflags);
    return result ? UINT32_MAX : result32();
}

static outcome write_text(uint32_t fd, const char *text)
{
    memcpy(guest_memory + BUFFER, text, strlen(text));
    put_iovec(BUFFER, (uint32_t)strlen(text));
    return INVOKE(fd_write, fd, 0, 1, RESULT);
}

static bool reads(uint32_t fd, const char *text)
{
    memset(guest_memory + BUFFER, 0, 256);
    put_iovec(BUFFER, (uint32_t)strlen(text));
    return INVOKE(fd_read, fd, 0, 1, RESULT) == 0 && result32() == strlen(text) &&
           memcmp(guest_memory + BUFFER, text, strlen(text)) == 0;
}

static uint64_t tell(uint32_t fd)
{
    return INVOKE(fd_tell, fd, RESULT) ? UINT64_MAX : get_le64(guest_memory + RESULT);
}

/* ---- the directory that the guest is given: `work`/root; `work`/outside is not */

static char work[512];
static char root[600];

static const char *in_work(const char *name)
{
    static char path[4][700];
    static unsigned next;
    char *to = path[next++ % 4];
    snprintf(to, sizeof path[0], "%s/%s", work, name);
    return to;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        printf("%s: %s\n", path, strerror(errno));
        exit(1);
    }
    fputs(text, file);
    fclose(file);
}

static bool file_is(const char *path, const char *text)
{
    char content[256] = "";
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t size = fread(content, 1, sizeof content - 1, file);
    fclose(file);
    return size == strlen(text) && memcmp(content, text, size) == 0;
}

/* Some hosts do not make links that lead out; then somebody else has made them. */
static void make_link(const char *target, const char *path)
{
    struct stat stat;
    CHECK(symlink(target, path) == 0 || lstat(path, &stat) == 0);
}

static void make_work(const char *given)
{
    snprintf(work, sizeof work, "%s", given ? given : "/tmp/test_wasi.XXXXXX");
#ifndef __wasi__
    if (!given && !mkdtemp(work))
        exit(1);
#endif
    snprintf(root, sizeof root, "%s/root", work);
    mkdir(root, 0777);
    mkdir(in_work("outside"), 0777);
    mkdir(in_work("root/sub"), 0777);
    mkdir(in_work("root/sub/deep"), 0777);
    write_file(in_work("outside/secret"), "secret");
    write_file(in_work("root/inside"), "inside");
    write_file(in_work("root/sub/file"), "file");
    make_link("../outside", in_work("root/out"));
    make_link("../outside/secret", in_work("root/out-file"));
    make_link("../../../outside/secret", in_work("root/sub/deep/out"));
    make_link("sub/file", in_work("root/in"));
    make_link("in", in_work("root/in-twice"));
    make_link("sub/deep/out", in_work("root/out-nested"));
    make_link("loop", in_work("root/loop"));
#ifndef __wasi__
    make_link("/etc/passwd", in_work("root/absolute"));
    make_link("/", in_work("root/slash"));
    make_link("/proc/self/root", in_work("root/magic"));
#endif
}

static struct wasi_preopen preopens[] = {{root, "/data"}};
static const char *const arguments[] = {"program", "", "second argument"};
static const char *const environment[] = {"A=1", "EMPTY="};
static struct wasi_options options = {
    .arguments = arguments,
    .narguments = 3,
    .environment = environment,
    .nenvironment = 2,
    .preopens = preopens,
    .npreopens = 1,
};

static void start(void)
{
    wasi_destroy(wasi);
    wasi = NULL;
    if (!wasi_create(&wasi, &options, &error)) {
        printf("wasi_create: %s\n", error.message);
        exit(1);
    }
}

/* ---- tests */

static void test_arguments(void)
{
    start();
    EQUAL(INVOKE(args_sizes_get, RESULT, RESULT + 4), ERRNO_SUCCESS);
    EQUAL(result32(), 3);
    EQUAL(get_le32(guest_memory + RESULT + 4), 8 + 1 + 16);
    EQUAL(INVOKE(args_get, 256, 512), ERRNO_SUCCESS);
    EQUAL(get_le32(guest_memory + 256), 512);
    CHECK(strcmp((char *)guest_memory + get_le32(guest_memory + 264), arguments[2]) == 0);
    EQUAL(INVOKE(environ_sizes_get, RESULT, RESULT + 4), ERRNO_SUCCESS);
    EQUAL(result32(), 2);
    EQUAL(INVOKE(environ_get, 256, 512), ERRNO_SUCCESS);
    CHECK(memcmp(guest_memory + 512, "A=1\0EMPTY=", 11) == 0);
    EQUAL(INVOKE(fd_prestat_get, 3, RESULT), ERRNO_SUCCESS);
    EQUAL(get_le32(guest_memory + RESULT + 4), 5);
    EQUAL(INVOKE(fd_prestat_dir_name, 3, BUFFER, 5), ERRNO_SUCCESS);
    CHECK(memcmp(guest_memory + BUFFER, "/data", 5) == 0);
    EQUAL(INVOKE(fd_prestat_dir_name, 3, BUFFER, 4), ERRNO_NAMETOOLONG);
    EQUAL(INVOKE(fd_prestat_get, 4, RESULT), ERRNO_BADF);
    EQUAL(INVOKE(fd_prestat_get, 0, RESULT), ERRNO_BADF);
}

static void test_bounds(void)
{
    start();
    EQUAL(INVOKE(args_sizes_get, GUEST_MEMORY - 3, 0), ERRNO_FAULT);
    EQUAL(INVOKE(args_sizes_get, 0, 0xffffffff), ERRNO_FAULT);
    EQUAL(INVOKE(args_get, 256, GUEST_MEMORY - 24), ERRNO_FAULT);
    EQUAL(INVOKE(random_get, GUEST_MEMORY - 16, 16), ERRNO_SUCCESS);
    EQUAL(INVOKE(random_get, GUEST_MEMORY - 16, 17), ERRNO_FAULT);
    EQUAL(INVOKE(random_get, 16, 0xffffffff), ERRNO_FAULT);
    EQUAL(INVOKE(random_get, GUEST_MEMORY, 0), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_write, 1, GUEST_MEMORY - 8, 2, RESULT), ERRNO_FAULT);
    EQUAL(INVOKE(fd_write, 1, 0, 0x20000000, RESULT), ERRNO_FAULT);
    put_iovec(GUEST_MEMORY - 1, 2);
    EQUAL(INVOKE(fd_write, 1, 0, 1, RESULT), ERRNO_FAULT);
    put_iovec(0xfffffff0, 0xfffffff0);
    EQUAL(INVOKE(fd_read, 0, 0, 1, RESULT), ERRNO_FAULT);
    put_iovec(BUFFER, 0);
    EQUAL(INVOKE(fd_write, 1, 0, 1, GUEST_MEMORY - 2), ERRNO_FAULT);
    EQUAL(INVOKE(clock_time_get, 1, 0, GUEST_MEMORY - 7), ERRNO_FAULT);
    EQUAL(INVOKE(path_open, 3, 0, GUEST_MEMORY - 2, 5, 0, 0, 0, 0, RESULT), ERRNO_FAULT);
    EQUAL(INVOKE(path_open, 3, 0, PATH("new"), OFLAG_CREAT, READ_WRITE, 0, 0, GUEST_MEMORY - 1),
          ERRNO_FAULT);
    CHECK(access(in_work("root/new"), F_OK) != 0);
    EQUAL(INVOKE(poll_oneoff, 0, 0, 0x10000000, RESULT), ERRNO_FAULT);
    EQUAL(INVOKE(poll_oneoff, 0, 0, 0, RESULT), ERRNO_INVAL);
    EQUAL(INVOKE(fd_readdir, 3, BUFFER, GUEST_MEMORY, 0, RESULT), ERRNO_FAULT);
    instance.memory = NULL;
    EQUAL(INVOKE(args_sizes_get, 0, 4), ERRNO_FAULT);
    instance.memory = &memory;
}

/* Nothing is inside the memory wherever it is; and what a call says of itself it says last. */
static void test_nothing(void)
{
    const uint32_t wild = 0xfffffffe;
    start();
    put_iovec(wild, 0);
    EQUAL(INVOKE(fd_write, 1, 0, 1, RESULT), ERRNO_SUCCESS);
    EQUAL(result32(), 0);
    EQUAL(INVOKE(fd_write, 1, wild, 0, RESULT), ERRNO_SUCCESS);
    uint32_t fd = opened("nothing", OFLAG_CREAT, READ_WRITE, 0);
    EQUAL(INVOKE(fd_read, fd, 0, 1, RESULT), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_pread, fd, 0, 1, 0, RESULT), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_pwrite, fd, 0, 1, 0, RESULT), ERRNO_SUCCESS);
    EQUAL(INVOKE(random_get, wild, 0), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_readdir, 3, wild, 0, 0, RESULT), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_create_directory, 3, wild, 0), ERRNO_NOENT);
    EQUAL(INVOKE(path_symlink, wild, 0, 3, PATH("empty")), ERRNO_NOENT);
    EQUAL(INVOKE(path_readlink, 3, PATH("none"), wild, 0, RESULT), ERRNO_NOENT);
    EQUAL(INVOKE(path_readlink, 3, PATH("nothing"), wild, 0, RESULT), ERRNO_INVAL);
    EQUAL(write_text(fd, "abcdefgh"), ERRNO_SUCCESS);
    put_iovec(BUFFER, 8);
    EQUAL(INVOKE(fd_pread, fd, 0, 1, 0, BUFFER + 2), ERRNO_SUCCESS);
    CHECK(memcmp(guest_memory + BUFFER, "ab\10\0\0\0gh", 8) == 0);
    EQUAL(INVOKE(fd_close, fd), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("nothing")), ERRNO_SUCCESS);
}

static void test_files(void)
{
    start();
    uint32_t fd = opened("new", OFLAG_CREAT | OFLAG_TRUNC, READ_WRITE, 0);
    EQUAL(fd, 4);
    EQUAL(write_text(fd, "0123456789"), ERRNO_SUCCESS);
    EQUAL(tell(fd), 10);
    EQUAL(INVOKE(fd_seek, fd, (uint64_t)-4, WHENCE_END, RESULT), ERRNO_SUCCESS);
    CHECK(reads(fd, "6789"));
    put_iovec(BUFFER, 3);
    EQUAL(INVOKE(fd_pread, fd, 0, 1, 2, RESULT), ERRNO_SUCCESS);
    CHECK(memcmp(guest_memory + BUFFER, "234", 3) == 0);
    EQUAL(INVOKE(fd_pwrite, fd, 0, 1, 0, RESULT), ERRNO_SUCCESS);
    EQUAL(tell(fd), 10);
    CHECK(file_is(in_work("root/new"), "2343456789"));
    EQUAL(INVOKE(fd_filestat_set_size, fd, 4), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_filestat_get, fd, RESULT), ERRNO_SUCCESS);
    EQUAL(get_le64(guest_memory + RESULT + 32), 4);
    EQUAL(guest_memory[RESULT + 16], FILETYPE_REGULAR_FILE);
    EQUAL(INVOKE(fd_fdstat_get, fd, RESULT), ERRNO_SUCCESS);
    EQUAL(guest_memory[RESULT], FILETYPE_REGULAR_FILE);
    EQUAL(get_le64(guest_memory + RESULT + 8), READ_WRITE);
    EQUAL(INVOKE(fd_filestat_set_times, fd, 1000000000, 2000000000, FSTFLAG_ATIM | FSTFLAG_MTIM),
          ERRNO_SUCCESS);
    EQUAL(INVOKE(path_filestat_get, 3, 0, PATH("new"), RESULT), ERRNO_SUCCESS);
    EQUAL(get_le64(guest_memory + RESULT + 48), 2000000000);
    EQUAL(INVOKE(fd_renumber, fd, 3), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_close, fd), ERRNO_BADF);
    EQUAL(tell(3), 10);
    EQUAL(INVOKE(fd_sync, 3), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_close, 3), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_close, 3), ERRNO_BADF);
    CHECK(file_is(in_work("root/new"), "2343"));
}

/* Whole vectors move, also where the host uses the first buffer only. */
/* What WASI's first snapshot lays out in another way (its phases/snapshot/witx of before 2020). */
static void test_unstable(void)
{
    enum { CLOCK = 0, READ = 56, EVENTS = 1024, CUR = 0, END = 1, SET = 2 };
    start();
    unstable = true;
    uint32_t fd = opened("first", OFLAG_CREAT | OFLAG_TRUNC, READ_WRITE, 0);
    EQUAL(write_text(fd, "0123456789"), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_seek, fd, 3, SET, RESULT), ERRNO_SUCCESS);
    EQUAL(tell(fd), 3);
    EQUAL(INVOKE(fd_seek, fd, 2, CUR, RESULT), ERRNO_SUCCESS);
    EQUAL(tell(fd), 5);
    EQUAL(INVOKE(fd_seek, fd, (uint64_t)-1, END, RESULT), ERRNO_SUCCESS);
    EQUAL(tell(fd), 9);
    EQUAL(INVOKE(fd_seek, fd, 0, 3, RESULT), ERRNO_INVAL);
    memset(guest_memory + RESULT, 0xee, 64);
    EQUAL(INVOKE(fd_filestat_get, fd, RESULT), ERRNO_SUCCESS);
    EQUAL(guest_memory[RESULT + 16], FILETYPE_REGULAR_FILE);
    EQUAL(get_le32(guest_memory + RESULT + 20), 1);
    EQUAL(get_le64(guest_memory + RESULT + 24), 10);
    EQUAL(guest_memory[RESULT + 56], 0xee);
    EQUAL(INVOKE(fd_filestat_get, fd, GUEST_MEMORY - 56), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_filestat_get, fd, GUEST_MEMORY - 55), ERRNO_FAULT);
    EQUAL(INVOKE(fd_filestat_set_times, fd, 1000000000, 2000000000, FSTFLAG_ATIM | FSTFLAG_MTIM),
          ERRNO_SUCCESS);
    EQUAL(INVOKE(path_filestat_get, 3, 0, PATH("first"), RESULT), ERRNO_SUCCESS);
    EQUAL(get_le64(guest_memory + RESULT + 40), 2000000000);
    memset(guest_memory, 0, READ + 56);
    put_le64(guest_memory + CLOCK, 77);
    put_le32(guest_memory + CLOCK + 24, CLOCK_MONO);
    put_le64(guest_memory + CLOCK + 32, 1000000);
    put_le64(guest_memory + READ, 78);
    guest_memory[READ + 8] = EVENT_FD_READ;
    put_le32(guest_memory + READ + 16, fd);
    EQUAL(INVOKE(poll_oneoff, CLOCK, EVENTS, 2, RESULT), ERRNO_SUCCESS);
    EQUAL(result32(), 1);
    EQUAL(get_le64(guest_memory + EVENTS), 78);
    EQUAL(INVOKE(poll_oneoff, CLOCK, EVENTS, 1, RESULT), ERRNO_SUCCESS);
    EQUAL(get_le64(guest_memory + EVENTS), 77);
    EQUAL(INVOKE(poll_oneoff, GUEST_MEMORY - 55, EVENTS, 1, RESULT), ERRNO_FAULT);
    EQUAL(INVOKE(fd_close, fd), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("first")), ERRNO_SUCCESS);
    unstable = false;
}

static void test_vectors(void)
{
    start();
    uint32_t fd = opened("vector", OFLAG_CREAT, READ_WRITE, 0);
    memcpy(guest_memory + BUFFER, "abcdefghij", 10);
    static const uint32_t sizes[] = {0, 3, 0, 4, 3, 0};
    uint32_t at = BUFFER;
    for (uint32_t i = 0; i < 6; at += sizes[i++]) {
        put_le32(guest_memory + i * 8, at);
        put_le32(guest_memory + i * 8 + 4, sizes[i]);
    }
    EQUAL(INVOKE(fd_write, fd, 0, 6, RESULT), ERRNO_SUCCESS);
    EQUAL(result32(), 10);
    memset(guest_memory + BUFFER, 0, 16);
    EQUAL(INVOKE(fd_pread, fd, 0, 6, 1, RESULT), ERRNO_SUCCESS);
    EQUAL(result32(), 9);
    CHECK(memcmp(guest_memory + BUFFER, "bcdefghij", 10) == 0);
    EQUAL(INVOKE(fd_pwrite, fd, 0, 5, 10, RESULT), ERRNO_SUCCESS);
    EQUAL(result32(), 10);
    EQUAL(INVOKE(fd_seek, fd, 8, WHENCE_SET, RESULT), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_read, fd, 0, 6, RESULT), ERRNO_SUCCESS);
    EQUAL(result32(), 10);
    CHECK(memcmp(guest_memory + BUFFER, "ijbcdefghi", 10) == 0);
    EQUAL(INVOKE(fd_read, fd, 0, 0, RESULT), ERRNO_SUCCESS);
    EQUAL(result32(), 0);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("vector")), ERRNO_SUCCESS);
}

static void test_flags(void)
{
    start();
    uint32_t fd = opened("log", OFLAG_CREAT, READ_WRITE, FDFLAG_SYNC | FDFLAG_DSYNC);
    EQUAL(write_text(fd, "old"), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_close, fd), ERRNO_SUCCESS);
    fd = opened("log", OFLAG_CREAT | OFLAG_TRUNC, READ_WRITE, FDFLAG_APPEND | FDFLAG_DSYNC);
    EQUAL(INVOKE(fd_fdstat_get, fd, RESULT), ERRNO_SUCCESS);
    EQUAL(get_le16(guest_memory + RESULT + 2), FDFLAG_APPEND | FDFLAG_DSYNC);
    EQUAL(write_text(fd, "one"), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_seek, fd, 0, WHENCE_SET, RESULT), ERRNO_SUCCESS);
    EQUAL(write_text(fd, "two"), ERRNO_SUCCESS);
    CHECK(file_is(in_work("root/log"), "onetwo"));
    EQUAL(INVOKE(fd_fdstat_set_flags, fd, FDFLAG_DSYNC), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_seek, fd, 0, WHENCE_SET, RESULT), ERRNO_SUCCESS);
    EQUAL(write_text(fd, "ONE"), ERRNO_SUCCESS);
    CHECK(file_is(in_work("root/log"), "ONEtwo"));
    EQUAL(INVOKE(path_unlink_file, 3, PATH("log")), ERRNO_SUCCESS);
}

static void test_rights(void)
{
    start();
    uint32_t fd = opened("inside", 0, READ_ONLY, 0);
    EQUAL(fd, 4);
    EQUAL(write_text(fd, "x"), ERRNO_BADF);
    EQUAL(INVOKE(fd_filestat_set_size, fd, 0), ERRNO_NOTCAPABLE);
    EQUAL(INVOKE(fd_fdstat_set_rights, fd, RIGHT_FD_READ, 0), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_seek, fd, 1, WHENCE_SET, RESULT), ERRNO_NOTCAPABLE);
    EQUAL(INVOKE(fd_fdstat_set_rights, fd, READ_ONLY, 0), ERRNO_NOTCAPABLE);
    CHECK(reads(fd, "inside"));
    EQUAL(INVOKE(path_open, fd, 0, PATH("x"), 0, 0, 0, 0, RESULT), ERRNO_NOTDIR);
    put_iovec(BUFFER, 1);
    EQUAL(INVOKE(fd_read, 3, 0, 1, RESULT), ERRNO_ISDIR);
    /* What a directory does not inherit, nothing below it can have. */
    EQUAL(INVOKE(fd_fdstat_set_rights, 3, RIGHTS_DIRECTORY, RIGHT_FD_READ), ERRNO_SUCCESS);
    EQUAL(open_at(3, "inside", 0, 0, READ_WRITE, 0), ERRNO_NOTCAPABLE);
    EQUAL(INVOKE(path_open, 3, 0, PATH("inside"), 0, RIGHT_FD_READ, 0, 0, RESULT), ERRNO_SUCCESS);
    CHECK(reads(result32(), "inside"));
}

static bool is_escape(outcome result)
{
    return result == ERRNO_NOTCAPABLE || result == ERRNO_PERM || result == ERRNO_ACCES;
}

/* A path that leads outside, tried with every function. */
static void try_escape(const char *path)
{
    outcome result = open_at(3, path, LOOKUP_SYMLINK_FOLLOW, 0, READ_ONLY, 0);
    if (!is_escape(result))
        printf("path_open of %s: %u\n", path, result);
    CHECK(is_escape(result));
    CHECK(is_escape(
        open_at(3, path, LOOKUP_SYMLINK_FOLLOW, OFLAG_CREAT | OFLAG_TRUNC, READ_WRITE, 0)));
    CHECK(is_escape(INVOKE(path_filestat_get, 3, LOOKUP_SYMLINK_FOLLOW, PATH(path), RESULT)));
    CHECK(is_escape(
        INVOKE(path_filestat_set_times, 3, LOOKUP_SYMLINK_FOLLOW, PATH(path), 0, 0, FSTFLAG_ATIM)));
}

/* A path whose last component's parent is outside. */
static void try_parent_escape(const char *path)
{
    try_escape(path);
    CHECK(is_escape(open_at(3, path, 0, 0, READ_ONLY, 0)));
    CHECK(is_escape(INVOKE(path_filestat_get, 3, 0, PATH(path), RESULT)));
    CHECK(is_escape(INVOKE(path_create_directory, 3, PATH(path))));
    CHECK(is_escape(INVOKE(path_remove_directory, 3, PATH(path))));
    CHECK(is_escape(INVOKE(path_unlink_file, 3, PATH(path))));
    CHECK(is_escape(INVOKE(path_readlink, 3, PATH(path), BUFFER, 100, RESULT)));
    CHECK(is_escape(INVOKE(path_rename, 3, PATH(path), 3, SECOND_PATH("stolen"))));
    CHECK(is_escape(INVOKE(path_rename, 3, PATH("inside"), 3, SECOND_PATH(path))));
    CHECK(is_escape(INVOKE(path_link, 3, 0, PATH(path), 3, SECOND_PATH("stolen"))));
    CHECK(is_escape(INVOKE(path_link, 3, 0, PATH("inside"), 3, SECOND_PATH(path))));
    CHECK(is_escape(INVOKE(path_symlink, PATH("x"), 3, SECOND_PATH(path))));
}

static void test_escapes(void)
{
    start();
    try_parent_escape("../outside/secret");
    try_parent_escape("sub/../../outside/secret");
    try_parent_escape("sub/deep/../../../outside/secret");
    try_parent_escape("./../outside/secret");
    try_parent_escape("/etc/passwd");
    try_parent_escape("out/secret");
    try_parent_escape("out/new");
    try_parent_escape("sub/../out/secret");
    try_escape("out-file");
    try_escape("out-nested");
#ifndef __wasi__
    try_parent_escape("slash/etc/passwd");
    try_parent_escape("magic/etc/passwd");
    try_escape("absolute");
    CHECK(is_escape(open_at(3, "out/", 0, OFLAG_DIRECTORY, 0, 0)));
    CHECK(is_escape(INVOKE(path_filestat_get, 3, 0, PATH("slash/"), RESULT)));
#endif
    CHECK(is_escape(open_at(3, "..", 0, 0, 0, 0)));
    CHECK(is_escape(open_at(3, "out", LOOKUP_SYMLINK_FOLLOW, OFLAG_DIRECTORY, 0, 0)));
    CHECK(is_escape(INVOKE(path_symlink, PATH("/etc/passwd"), 3, SECOND_PATH("new-link"))));
    CHECK(file_is(in_work("outside/secret"), "secret"));
    CHECK(file_is(in_work("root/inside"), "inside"));
    CHECK(access(in_work("outside/new"), F_OK) != 0);
    CHECK(access(in_work("root/stolen"), F_OK) != 0);
    /* A directory below the preopen is a limit, too. */
    uint32_t sub = opened("sub", OFLAG_DIRECTORY, RIGHTS_DIRECTORY, 0);
    CHECK(is_escape(open_at(sub, "../inside", 0, 0, READ_ONLY, 0)));
    EQUAL(open_at(sub, "deep/../file", 0, 0, READ_ONLY, 0), ERRNO_SUCCESS);
}

#ifndef __wasi__
/* Opens `path` again and again while a child process renames what is on its way. */
static void open_in_race(const char *path, const char *from, const char *to, unsigned flags)
{
    unsigned inside = 0, outside = 0, refused = 0;
    pid_t child = fork();
    while (child == 0) {
        (void)renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
        (void)renameat2(AT_FDCWD, to, AT_FDCWD, from, flags);
        if (getppid() == 1)
            _exit(0);
    }
    for (int i = 0; i < 200000 && (inside < 100 || refused < 100 || i < 20000); i++) {
        if (open_at(3, path, LOOKUP_SYMLINK_FOLLOW, 0, READ_ONLY, 0) != ERRNO_SUCCESS) {
            refused++;
            continue;
        }
        uint32_t fd = result32();
        if (reads(fd, "inside"))
            inside++;
        else
            outside++;
        INVOKE(fd_close, fd);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    EQUAL(outside, 0);
    CHECK(inside > 0);
    CHECK(refused > 0);
}

static void test_races(void)
{
    char from[700], to[700];
    start();
    /* A directory that becomes a link to the outside, and back. */
    mkdir(in_work("root/swap"), 0777);
    write_file(in_work("root/swap/secret"), "inside");
    make_link("../outside", in_work("root/swapped"));
    snprintf(from, sizeof from, "%s", in_work("root/swap"));
    snprintf(to, sizeof to, "%s", in_work("root/swapped"));
    open_in_race("swap/secret", from, to, RENAME_EXCHANGE);
    /* A parent that is moved outside while ".." is resolved in it. */
    mkdir(in_work("root/walk"), 0777);
    mkdir(in_work("root/walk/deep"), 0777);
    write_file(in_work("root/walk/secret"), "inside");
    snprintf(from, sizeof from, "%s", in_work("root/walk/deep"));
    snprintf(to, sizeof to, "%s", in_work("outside/deep"));
    open_in_race("walk/deep/../secret", from, to, 0);
}
#endif

static void test_paths(void)
{
    start();
    uint32_t fd = opened("in-twice", 0, READ_ONLY, 0);
    CHECK(reads(fd, "file"));
    EQUAL(open_at(3, "in", 0, 0, READ_ONLY, 0), ERRNO_LOOP);
    EQUAL(open_at(3, "loop", LOOKUP_SYMLINK_FOLLOW, 0, READ_ONLY, 0), ERRNO_LOOP);
    EQUAL(open_at(3, "", 0, 0, READ_ONLY, 0), ERRNO_NOENT);
    EQUAL(open_at(3, "nothing", 0, 0, READ_ONLY, 0), ERRNO_NOENT);
    EQUAL(open_at(3, "inside/x", 0, 0, READ_ONLY, 0), ERRNO_NOTDIR);
    EQUAL(open_at(3, "inside", 0, OFLAG_CREAT | OFLAG_EXCL, READ_WRITE, 0), ERRNO_EXIST);
    EQUAL(open_at(3, "inside", 0, OFLAG_DIRECTORY, 0, 0), ERRNO_NOTDIR);
    EQUAL(open_at(3, "b\xff", 0, 0, READ_ONLY, 0), ERRNO_ILSEQ);
    uint32_t at = put_string(0, "in?side");
    guest_memory[at + 2] = 0;
    EQUAL(INVOKE(path_open, 3, 0, at, 7, 0, 0, 0, 0, RESULT), ERRNO_INVAL);
    EQUAL(INVOKE(path_create_directory, 3, PATH("made")), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_create_directory, 3, PATH("made")), ERRNO_EXIST);
    EQUAL(INVOKE(path_rename, 3, PATH("made"), 3, SECOND_PATH("sub/moved")), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_remove_directory, 3, PATH("sub")), ERRNO_NOTEMPTY);
    EQUAL(INVOKE(path_remove_directory, 3, PATH("sub/moved")), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_symlink, PATH("sub/file"), 3, SECOND_PATH("link")), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_readlink, 3, PATH("link"), BUFFER, 4, RESULT), ERRNO_SUCCESS);
    EQUAL(result32(), 4);
    CHECK(memcmp(guest_memory + BUFFER, "sub/", 4) == 0);
    EQUAL(INVOKE(path_readlink, 3, PATH("inside"), BUFFER, 4, RESULT), ERRNO_INVAL);
    EQUAL(INVOKE(path_filestat_get, 3, 0, PATH("link"), RESULT), ERRNO_SUCCESS);
    EQUAL(guest_memory[RESULT + 16], FILETYPE_SYMBOLIC_LINK);
    EQUAL(INVOKE(path_link, 3, 0, PATH("inside"), 3, SECOND_PATH("hard")), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("hard")), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("link")), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("link")), ERRNO_NOENT);
    CHECK(file_is(in_work("root/sub/file"), "file"));
    CHECK(INVOKE(path_unlink_file, 3, PATH("sub")) != ERRNO_SUCCESS);
}

/* Reads a directory through a buffer of `size` bytes and counts the names; 0: it went wrong. */
static unsigned count_names(uint32_t fd, uint32_t size, bool remove)
{
    uint64_t cookie = 0;
    unsigned count = 0;
    for (unsigned rounds = 0; rounds < 1000; rounds++) {
        if (INVOKE(fd_readdir, fd, BUFFER, size, cookie, RESULT) != ERRNO_SUCCESS)
            return 0;
        uint32_t used = result32(), at = 0;
        while (used - at >= 24 && get_le32(guest_memory + BUFFER + at + 16) <= used - at - 24) {
            const uint8_t *entry = guest_memory + BUFFER + at;
            uint32_t name_size = get_le32(entry + 16);
            cookie = get_le64(entry);
            count++;
            at += 24 + name_size;
            if (remove && entry[24] != '.') {
                uint32_t name = put_string(0, "many/");
                memcpy(guest_memory + name + 5, entry + 24, name_size);
                INVOKE(path_unlink_file, 3, name, 5 + name_size);
            }
        }
        if (used < size)
            return count;
    }
    return 0;
}

static void test_readdir(void)
{
    char name[64];
    start();
    EQUAL(INVOKE(path_create_directory, 3, PATH("many")), ERRNO_SUCCESS);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "many/file-%d", i);
        EQUAL(INVOKE(fd_close, opened(name, OFLAG_CREAT, READ_WRITE, 0)), ERRNO_SUCCESS);
    }
    uint32_t fd = opened("many", OFLAG_DIRECTORY, RIGHTS_DIRECTORY, 0);
    EQUAL(count_names(fd, 8192, false), 202);
    EQUAL(count_names(fd, 100, false), 202);
    EQUAL(count_names(fd, 33, false), 202);
    EQUAL(count_names(fd, 300, true), 202);
    EQUAL(count_names(fd, 300, false), 2);
    /* Two of one hash, the second of which was there first. */
    EQUAL(INVOKE(fd_close, opened("many/c44702", OFLAG_CREAT, READ_WRITE, 0)), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_close, opened("many/c13519", OFLAG_CREAT, READ_WRITE, 0)), ERRNO_SUCCESS);
    EQUAL(count_names(fd, 40, false), 4);
    CHECK(memcmp(guest_memory + BUFFER + 24, "c44702", 6) == 0);
    EQUAL(count_names(fd, 300, true), 4);
    EQUAL(INVOKE(path_remove_directory, 3, PATH("many")), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_readdir, 0, BUFFER, 100, 0, RESULT), ERRNO_NOTDIR);
}

/* ---- save and load */

static struct buffer saved;

static void save(void)
{
    buffer_free(&saved);
    CHECK(wasi_save(wasi, &saved, &error));
}

/* Both halves of a load, without a files section. */
static bool load_section(struct wasi **made, const struct wasi_options *given, const uint8_t *data,
                         size_t size, struct error *why)
{
    struct wasi_sections sections = {.wasi = data, .wasi_size = size};
    if (!wasi_load(made, given, &sections, why))
        return false;
    if (wasi_resume(*made, given, why))
        return true;
    wasi_destroy(*made);
    *made = NULL;
    return false;
}

/* Destroys the state and makes it again from its bytes. */
static bool reload(void)
{
    save();
    wasi_destroy(wasi);
    wasi = NULL;
    if (load_section(&wasi, &options, saved.data, saved.size, &error))
        return true;
    printf("wasi_load: %s\n", error.message);
    return false;
}

static void count_line(void *context, const char *text)
{
    (void)text;
    ++*(unsigned *)context;
}

static void make_descriptors(void)
{
    start();
    uint32_t fd = opened("kept", OFLAG_CREAT | OFLAG_TRUNC | OFLAG_EXCL, READ_WRITE, 0);
    EQUAL(fd, 4);
    EQUAL(write_text(fd, "abcdefghij"), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_seek, fd, 3, WHENCE_SET, RESULT), ERRNO_SUCCESS);
    EQUAL(opened("kept", 0, READ_ONLY, 0), 5);
    CHECK(reads(5, "abcdefg"));
    EQUAL(opened("kept", 0, READ_WRITE, FDFLAG_APPEND), 6);
    EQUAL(opened("sub/../sub", OFLAG_DIRECTORY, RIGHTS_DIRECTORY, 0), 7);
    EQUAL(open_at(7, "deep/../file", 0, 0, READ_ONLY, 0), ERRNO_SUCCESS);
    EQUAL(opened("in-twice", 0, READ_ONLY, 0), 9);
    EQUAL(opened(".", OFLAG_DIRECTORY, RIGHTS_DIRECTORY, 0), 10);
    EQUAL(INVOKE(fd_close, 5), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_close, 2), ERRNO_SUCCESS);
}

static void test_save_and_load(void)
{
    make_descriptors();
    CHECK(reload());
    struct buffer first = saved;
    saved = (struct buffer){0};
    save();
    CHECK(first.size == saved.size && memcmp(first.data, saved.data, first.size) == 0);
    buffer_free(&first);
    CHECK(file_is(in_work("root/kept"), "abcdefghij"));
    CHECK(reads(4, "defg"));
    EQUAL(tell(5), UINT64_MAX);
    EQUAL(write_text(6, "K"), ERRNO_SUCCESS);
    CHECK(file_is(in_work("root/kept"), "abcdefghijK"));
    EQUAL(INVOKE(fd_fdstat_get, 6, RESULT), ERRNO_SUCCESS);
    EQUAL(get_le16(guest_memory + RESULT + 2), FDFLAG_APPEND);
    CHECK(reads(8, "file"));
    CHECK(reads(9, "file"));
    EQUAL(open_at(7, "file", 0, 0, READ_ONLY, 0), ERRNO_SUCCESS);
    EQUAL(result32(), 2);
    EQUAL(open_at(10, "inside", 0, 0, READ_ONLY, 0), ERRNO_SUCCESS);
    EQUAL(result32(), 5);
    EQUAL(INVOKE(args_sizes_get, RESULT, RESULT + 4), ERRNO_SUCCESS);
    EQUAL(result32(), 3);
    unsigned lines = 0;
    CHECK(wasi_describe(&(struct wasi_sections){.wasi = saved.data, .wasi_size = saved.size},
                        count_line, &lines, &error));
    EQUAL(lines, 3 + 2 + 1 + 9);
    CHECK(reload());
    EQUAL(tell(4), 7);
    /* On the way out: what is missing is named. */
    save();
    struct wasi_options without = options;
    struct wasi *none = NULL;
    without.npreopens = 0;
    CHECK(!load_section(&none, &without, saved.data, saved.size, &error));
    CHECK(strstr(error.message, "/data") && strstr(error.message, "--dir"));
    EQUAL(INVOKE(path_unlink_file, 3, PATH("kept")), ERRNO_SUCCESS);
    CHECK(!load_section(&none, &options, saved.data, saved.size, &error));
    CHECK(strstr(error.message, "kept") && strstr(error.message, "no such file"));
    CHECK(access(in_work("root/kept"), F_OK) != 0);
}

/* A closed directory with nothing open in it is not asked for. */
static void test_closed_preopen(void)
{
    start();
    EQUAL(INVOKE(fd_close, 3), ERRNO_SUCCESS);
    save();
    struct wasi_options without = options;
    struct wasi *loaded = NULL;
    without.npreopens = 0;
    CHECK(load_section(&loaded, &without, saved.data, saved.size, &error));
    wasi_destroy(loaded);
}

static void ignore_line(void *context, const char *text)
{
    (void)context;
    (void)text;
}

static bool image_reads(const uint8_t *data, size_t size)
{
    struct image image;
    bool right = image_read(&image, data, size, &error);
    if (right)
        image_free(&image);
    return right;
}

static void test_hostile_sections(void)
{
    make_descriptors();
    save();
    for (size_t size = 0; size < saved.size; size++)
        CHECK(!image_reads(saved.data, size));
    CHECK(error.kind == ERROR_SNAPSHOT);
    buffer_put_u8(&saved, 0);
    CHECK(!image_reads(saved.data, saved.size));
    saved.size--;
    /* Every byte changed in some ways, for the sanitizers to watch. */
    uint8_t *copy = malloc(saved.size);
    for (size_t at = 0; copy && at < saved.size; at++)
        for (unsigned change = 1; change < 256; change += 1 + change / 3) {
            memcpy(copy, saved.data, saved.size);
            copy[at] ^= (uint8_t)change;
            struct wasi *loaded = NULL;
            (void)wasi_describe(&(struct wasi_sections){.wasi = copy, .wasi_size = saved.size},
                                ignore_line, NULL, &error);
            if (load_section(&loaded, &options, copy, saved.size, &error))
                wasi_destroy(loaded);
        }
    free(copy);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("kept")), ERRNO_SUCCESS);
}

/* A section with one descriptor of the given kind and path. */
static bool forged(uint32_t number, uint8_t kind, uint64_t rights, uint32_t preopen,
                   const char *path, uint64_t offset)
{
    struct buffer section = {0};
    buffer_put_u32(&section, 0);
    buffer_put_u32(&section, 0);
    buffer_put_u32(&section, 1);
    buffer_put_u32(&section, 5);
    buffer_put(&section, "/data", 5);
    for (int clock = 0; clock < 4; clock++) { /* and `waited`, of the same form */
        buffer_put_u8(&section, 0);
        buffer_put_u64(&section, 0);
    }
    buffer_put_u32(&section, 1);
    buffer_put_u32(&section, number);
    buffer_put_u8(&section, kind);
    buffer_put_u16(&section, 0);
    buffer_put_u64(&section, rights);
    buffer_put_u64(&section, 0);
    buffer_put_u32(&section, preopen);
    buffer_put_u8(&section, 1);
    buffer_put_u32(&section, (uint32_t)strlen(path));
    buffer_put(&section, path, strlen(path));
    if (kind == DESCRIPTOR_FILE)
        buffer_put_u64(&section, offset);
    struct wasi *loaded = NULL;
    bool right = load_section(&loaded, &options, section.data, section.size, &error);
    wasi_destroy(loaded);
    buffer_free(&section);
    return right;
}

static void test_forged_sections(void)
{
    CHECK(forged(4, DESCRIPTOR_FILE, RIGHT_FD_READ, 0, "inside", 0));
    CHECK(forged(4, DESCRIPTOR_DIRECTORY, RIGHT_PATH_OPEN, 0, "sub", 0));
    CHECK(!forged(4, DESCRIPTOR_FILE, RIGHT_FD_READ, 0, "../outside/secret", 0));
    CHECK(!forged(4, DESCRIPTOR_FILE, RIGHT_FD_READ, 0, "sub/../inside", 0));
    CHECK(!forged(4, DESCRIPTOR_FILE, RIGHT_FD_READ, 0, "/etc/passwd", 0));
    CHECK(!forged(4, DESCRIPTOR_FILE, RIGHT_FD_READ, 0, "out/secret", 0));
    CHECK(!forged(4, DESCRIPTOR_FILE, RIGHT_FD_READ, 0, "out-file", 0));
    CHECK(!forged(4, DESCRIPTOR_FILE, RIGHT_FD_READ, 0, "", 0));
    CHECK(!forged(4, DESCRIPTOR_FILE, RIGHT_FD_READ, 0, "sub//file", 0));
    CHECK(!forged(4, DESCRIPTOR_FILE, RIGHT_FD_READ, 0, "sub", 0));
    CHECK(!forged(4, DESCRIPTOR_DIRECTORY, RIGHT_PATH_OPEN, 0, "inside", 0));
    CHECK(!forged(4, DESCRIPTOR_DIRECTORY, RIGHT_PATH_OPEN, 0, "..", 0));
    CHECK(!forged(4, DESCRIPTOR_FILE, RIGHT_FD_READ, 1, "inside", 0));
    CHECK(!forged(4, DESCRIPTOR_FILE, RIGHT_PATH_OPEN, 0, "inside", 0));
    CHECK(!forged(4, DESCRIPTOR_FILE, UINT64_C(1) << 40, 0, "inside", 0));
    CHECK(!forged(4, DESCRIPTOR_FILE, RIGHT_FD_READ, 0, "inside", UINT64_MAX));
    CHECK(!forged(0x7fffffff, DESCRIPTOR_FILE, RIGHT_FD_READ, 0, "inside", 0));
    CHECK(!forged(4, 9, RIGHT_FD_READ, 0, "inside", 0));
    CHECK(!forged(4, 0, 0, 0, "inside", 0));
    /* Counts that the bytes cannot hold. */
    static const uint8_t many[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    CHECK(!image_reads(many, sizeof many));
}

/* A files section with one thing that travels, beside the state of a guest that has "kept" open as
 * descriptor 4. `rest`: a link's target, else contents; `descriptor`: of a deleted file. */
static bool forged_file(uint8_t kind, uint32_t preopen, const char *path, const char *rest,
                        uint32_t descriptor)
{
    struct buffer files = {0};
    buffer_put_u32(&files, 0);
    buffer_put_u32(&files, 1);
    buffer_put_u8(&files, kind);
    buffer_put_u32(&files, preopen);
    buffer_put_u32(&files, (uint32_t)strlen(path));
    buffer_put(&files, path, strlen(path));
    bool bare = kind == CARRIED_DIRECTORY || kind == CARRIED_REMOVED;
    if (kind == CARRIED_DELETED || kind == CARRIED_REMOVED) {
        buffer_put_u32(&files, 1);
        buffer_put_u32(&files, descriptor);
    }
    if (kind == CARRIED_LINK)
        buffer_put_u32(&files, (uint32_t)strlen(rest));
    else if (!bare)
        buffer_put_u64(&files, strlen(rest));
    buffer_put(&files, rest, bare ? 0 : strlen(rest));
    struct wasi_sections sections = {
        .wasi = saved.data, .wasi_size = saved.size, .files = files.data, .files_size = files.size};
    struct wasi *loaded = NULL;
    bool right =
        wasi_load(&loaded, &options, &sections, &error) && wasi_resume(loaded, &options, &error);
    wasi_destroy(loaded);
    for (size_t size = 1; size < files.size; size++) { /* nothing may be made of a part */
        sections.files_size = size;
        loaded = NULL;
        CHECK(!wasi_load(&loaded, &options, &sections, &error));
    }
    buffer_free(&files);
    return right;
}

static void test_forged_files(void)
{
    make_descriptors();
    save();
    CHECK(forged_file(CARRIED_FILE, 0, "sub/new", "contents", 0));
    CHECK(file_is(in_work("root/sub/new"), "contents"));
    CHECK(forged_file(CARRIED_FILE, 0, "sub/new", "contents", 0));
    CHECK(!forged_file(CARRIED_FILE, 0, "sub/new", "others", 0));
    CHECK(file_is(in_work("root/sub/new"), "contents"));
    CHECK(forged_file(CARRIED_DIRECTORY, 0, "sub/folder", "", 0));
    CHECK(forged_file(CARRIED_LINK, 0, "sub/to-new", "new", 0));
    CHECK(forged_file(CARRIED_DELETED, 0, "kept", "deleted", 4));
    CHECK(access(in_work("root/.yado-deleted-4-0"), F_OK) != 0);
    CHECK(!forged_file(CARRIED_DELETED, 0, "kept", "deleted", 3));
    CHECK(!forged_file(CARRIED_DELETED, 0, "kept", "deleted", 99));
    CHECK(!forged_file(CARRIED_REMOVED, 0, "kept", "", 4)); /* a file */
    CHECK(!forged_file(CARRIED_REMOVED, 0, "kept", "", 99));
    CHECK(!forged_file(6, 0, "sub/other", "", 0));
    CHECK(!forged_file(CARRIED_FILE, 1, "sub/other", "", 0));
    CHECK(!forged_file(CARRIED_FILE, 0, ".", "", 0));
    CHECK(!forged_file(CARRIED_LINK, 0, "sub/bad", "/etc/passwd", 0));
    CHECK(!forged_file(CARRIED_LINK, 0, "sub/bad", "", 0));
    static const char *const outside[] = {"../outside/new", "/tmp/new", "out/new", "sub/../../new"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        CHECK(!forged_file(CARRIED_FILE, 0, outside[i], "stranger's", 0));
        CHECK(!forged_file(CARRIED_DIRECTORY, 0, outside[i], "", 0));
        CHECK(!forged_file(CARRIED_LINK, 0, outside[i], "new", 0));
    }
    CHECK(access(in_work("outside/new"), F_OK) != 0);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("sub/new")), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("sub/to-new")), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_remove_directory, 3, PATH("sub/folder")), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("kept")), ERRNO_SUCCESS);
}

/* ---- which file is which */

/* A snapshot's sections, with what its notes would have. */
struct noted {
    struct buffer wasi, files, directories, opened;
};

static bool append(void *context, const void *data, size_t size, struct error *failure)
{
    (void)failure;
    buffer_put(context, data, size);
    return true;
}

static bool take_noted(struct noted *noted)
{
    struct wasi_carry carry = {.times = true};
    struct wasi_files *files = NULL;
    uint64_t size;
    *noted = (struct noted){0};
    bool good = wasi_files_begin(&files, wasi, &carry, &size, &error) &&
                wasi_save(wasi, &noted->wasi, &error);
    if (good) {
        wasi_files_note(files, &noted->directories, &noted->opened);
        good = size == 0 ||
               wasi_files_write(files, &(struct wasi_sink){append, &noted->files}, &error);
    }
    wasi_files_end(files);
    return good;
}

static void free_noted(struct noted *noted)
{
    buffer_free(&noted->wasi);
    buffer_free(&noted->files);
    buffer_free(&noted->directories);
    buffer_free(&noted->opened);
}

/* The guest goes on as the snapshot has it; or is what it was. */
static bool go_on_from(const struct noted *noted, struct span opened)
{
    struct wasi *loaded = NULL;
    struct wasi_sections sections = {
        .wasi = noted->wasi.data,
        .wasi_size = noted->wasi.size,
        .files = noted->files.data,
        .files_size = noted->files.size,
        .directories = {noted->directories.data, (uint32_t)noted->directories.size},
        .opened = opened};
    if (!wasi_load(&loaded, &options, &sections, &error))
        return false;
    bool good = wasi_resume(loaded, &options, &error);
    wasi_destroy(good ? wasi : loaded);
    if (good)
        wasi = loaded;
    return good;
}

static bool goes_on(void)
{
    struct noted noted;
    bool good = take_noted(&noted) &&
                go_on_from(&noted, (struct span){noted.opened.data, (uint32_t)noted.opened.size});
    free_noted(&noted);
    return good;
}

static void test_names(void)
{
    EQUAL(INVOKE(path_create_directory, 3, PATH("names")), ERRNO_SUCCESS);
    uint32_t file = opened("names/tmp", OFLAG_CREAT, READ_WRITE, 0);
    EQUAL(write_text(file, "kept"), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_link, 3, 0, PATH("names/tmp"), 3, SECOND_PATH("names/final")), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("names/tmp")), ERRNO_SUCCESS);
    CHECK(goes_on());
    EQUAL(write_text(file, ", on"), ERRNO_SUCCESS);
    CHECK(file_is(in_work("root/names/final"), "kept, on"));
    /* Another has its name, and it has none; then it is nowhere but in a snapshot. */
    EQUAL(INVOKE(path_unlink_file, 3, PATH("names/final")), ERRNO_SUCCESS);
    uint32_t other = opened("names/final", OFLAG_CREAT, READ_WRITE, 0);
    CHECK(goes_on());
    EQUAL(write_text(file, "!"), ERRNO_SUCCESS);
    CHECK(file_is(in_work("root/names/final"), ""));
    EQUAL(tell(file), 9);
    EQUAL(INVOKE(fd_close, file), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_close, other), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("names/final")), ERRNO_SUCCESS);
    /* A directory that is open twice, and gone. */
    EQUAL(open_at(3, "names", 0, OFLAG_DIRECTORY, RIGHTS_DIRECTORY, 0), ERRNO_SUCCESS);
    uint32_t first = result32();
    EQUAL(open_at(3, "names", 0, OFLAG_DIRECTORY, RIGHTS_DIRECTORY, 0), ERRNO_SUCCESS);
    uint32_t second = result32();
    EQUAL(INVOKE(path_remove_directory, 3, PATH("names")), ERRNO_SUCCESS);
    CHECK(goes_on());
    CHECK(access(in_work("root/names"), F_OK) != 0);
    EQUAL(open_at(first, "new", 0, OFLAG_CREAT, READ_WRITE, 0), ERRNO_NOENT);
    EQUAL(INVOKE(fd_close, first), ERRNO_SUCCESS);
    EQUAL(INVOKE(fd_close, second), ERRNO_SUCCESS);
}

/* What the notes say of files is nobody's word: it may refuse a file, and no more. */
static void test_forged_notes(void)
{
    struct noted noted;
    uint32_t file = opened("noted", OFLAG_CREAT, READ_WRITE, 0);
    CHECK(take_noted(&noted));
    static const char *const texts[] = {"",       " ",   ":",           "zz:z:z ",
                                        "4",      "4:",  "4:1:",        "ffffffffffffffffff:1:1 ",
                                        "4:0:0 ", "4:1", "3:1:1 3:1:1 "};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = texts[i];
        uint8_t *copy = malloc(strlen(text) + 1); /* so that a sanitizer sees a step beyond it */
        memcpy(copy, text, strlen(text));
        (void)go_on_from(&noted, (struct span){copy, (uint32_t)strlen(text)});
        free(copy);
    }
    CHECK(go_on_from(&noted, (struct span){noted.opened.data, (uint32_t)noted.opened.size}));
    static const char another[] = "4:1:1 ";
    bool same = file == 4 && go_on_from(&noted, (struct span){(const uint8_t *)another, 6});
    CHECK(!same);
    free_noted(&noted);
    EQUAL(INVOKE(fd_close, file), ERRNO_SUCCESS);
    EQUAL(INVOKE(path_unlink_file, 3, PATH("noted")), ERRNO_SUCCESS);
}

/* ---- time */

static unsigned patience;

static bool interrupted(void *context)
{
    (void)context;
    return patience-- == 0;
}

static void put_sleep(uint64_t nanoseconds)
{
    memset(guest_memory, 0, 48);
    put_le64(guest_memory, 77);
    put_le32(guest_memory + 16, CLOCK_MONO);
    put_le64(guest_memory + 24, nanoseconds);
}

static const uint64_t MS = 1000000;

static void test_sleep(void)
{
    start();
    uint64_t begin = host_monotonic();
    put_sleep(20 * MS);
    EQUAL(INVOKE(poll_oneoff, 0, 256, 1, RESULT), ERRNO_SUCCESS);
    CHECK(host_monotonic() - begin >= 19 * MS);
    EQUAL(result32(), 1);
    EQUAL(get_le64(guest_memory + 256), 77);
    EQUAL(guest_memory[256 + 10], EVENT_CLOCK);
    /* Interrupted after a hundred slices; the rest of it elsewhere. */
    options.interrupted = interrupted;
    start();
    patience = 100;
    begin = host_monotonic();
    put_sleep(1500 * MS);
    EQUAL(INVOKE(poll_oneoff, 0, 256, 1, RESULT), OUTCOME_STOP);
    uint64_t gone = host_monotonic() - begin;
    CHECK(gone >= 450 * MS && gone < 1400 * MS);
    CHECK(reload());
    patience = 10000;
    begin = host_monotonic();
    EQUAL(INVOKE(poll_oneoff, 0, 256, 1, RESULT), ERRNO_SUCCESS);
    uint64_t rest = host_monotonic() - begin;
    CHECK(gone + rest >= 1490 * MS && rest < 1400 * MS);
    /* The next sleep is a whole one again. */
    begin = host_monotonic();
    put_sleep(60 * MS);
    EQUAL(INVOKE(poll_oneoff, 0, 256, 1, RESULT), ERRNO_SUCCESS);
    CHECK(host_monotonic() - begin >= 59 * MS);
    options.interrupted = NULL;
}

static uint64_t guest_time(uint32_t clock)
{
    return INVOKE(clock_time_get, clock, 0, RESULT) ? 0 : get_le64(guest_memory + RESULT);
}

static void test_clocks(void)
{
    start();
    save();
    struct image image;
    CHECK(image_read(&image, saved.data, saved.size, &error));
    CHECK(!image.clocks[CLOCK_MONO].asked && image.clocks[CLOCK_MONO].reading == 0);
    image_free(&image);
    for (uint32_t clock = 0; clock < 4; clock++) {
        CHECK(guest_time(clock) > 0);
        EQUAL(INVOKE(clock_res_get, clock, RESULT), ERRNO_SUCCESS);
    }
    EQUAL(INVOKE(clock_time_get, 4, 0, RESULT), ERRNO_INVAL);
    /* As if from a machine that had been up for longer, and from one that just started. */
    for (int round = 0; round < 2; round++) {
        clock_continue(wasi, CLOCK_MONO, round ? 5 : UINT64_C(1) << 60);
        clock_continue(wasi, CLOCK_PROCESS, round ? 7 : UINT64_C(1) << 50);
        uint64_t mono = guest_time(CLOCK_MONO), process = guest_time(CLOCK_PROCESS);
        CHECK(reload());
        uint64_t later = guest_time(CLOCK_MONO);
        CHECK(later >= mono && later - mono < 10000 * MS);
        later = guest_time(CLOCK_PROCESS);
        CHECK(later >= process && later - process < 10000 * MS);
    }
}

#ifndef __wasi__
/* Standard input is a pipe with nothing in it. */
static void test_blocking_read(void)
{
    int ends[2], old = dup(0);
    if (pipe(ends) != 0 || dup2(ends[0], 0) < 0)
        return;
    CHECK(wasi_can_wait());
    options.interrupted = interrupted;
    start();
    patience = 1;
    put_iovec(BUFFER, 4);
    EQUAL(INVOKE(fd_read, 0, 0, 1, RESULT), OUTCOME_STOP);
    EQUAL(INVOKE(fd_seek, 0, 0, WHENCE_SET, RESULT), ERRNO_SPIPE);
    EQUAL(INVOKE(fd_fdstat_set_flags, 0, FDFLAG_NONBLOCK), ERRNO_SUCCESS);
    CHECK(reload());
    put_iovec(BUFFER, 4);
    EQUAL(INVOKE(fd_read, 0, 0, 1, RESULT), ERRNO_AGAIN);
    EQUAL(INVOKE(fd_fdstat_set_flags, 0, 0), ERRNO_SUCCESS);
    CHECK(write(ends[1], "text", 4) == 4);
    patience = 1000;
    CHECK(reads(0, "text"));
    /* A descriptor and a time limit. */
    put_sleep(30 * MS);
    memset(guest_memory + 48, 0, 48);
    guest_memory[48 + 8] = EVENT_FD_READ;
    EQUAL(INVOKE(poll_oneoff, 0, 256, 2, RESULT), ERRNO_SUCCESS);
    EQUAL(result32(), 1);
    EQUAL(guest_memory[256 + 10], EVENT_CLOCK);
    CHECK(write(ends[1], "more", 4) == 4);
    put_le32(guest_memory + RESULT, 0); /* the second descriptor stands there */
    EQUAL(INVOKE(poll_oneoff, 0, 256, 2, RESULT), ERRNO_SUCCESS);
    EQUAL(result32(), 1);
    EQUAL(guest_memory[256 + 10], EVENT_FD_READ);
    EQUAL(get_le64(guest_memory + 256 + 16), 4);
    CHECK(reads(0, "more"));
    close(ends[1]);
    put_iovec(BUFFER, 4);
    EQUAL(INVOKE(fd_read, 0, 0, 1, RESULT), ERRNO_SUCCESS);
    EQUAL(result32(), 0);
    options.interrupted = NULL;
    CHECK(old >= 0 && dup2(old, 0) == 0);
    close(old);
    close(ends[0]);
}
#endif

/* ---- the rest */

static void test_process(void)
{
    start();
    EQUAL(INVOKE(proc_exit, 7), OUTCOME_EXIT);
    EQUAL(execution.exit_code, 7);
    EQUAL(INVOKE(proc_raise, 6), OUTCOME_TRAP);
    CHECK(execution.trap == TRAP_HOST && strstr(execution.host_message, "ABRT"));
    EQUAL(INVOKE(proc_raise, 0), ERRNO_SUCCESS);
    EQUAL(INVOKE(proc_raise, 99), ERRNO_INVAL);
    EQUAL(INVOKE(sched_yield, 0), ERRNO_SUCCESS);
}

static bool imports(const char *module_name, const char *name, const valtype *types,
                    uint32_t nparams, uint32_t nresults)
{
    struct functype type = {.types = types, .nparams = nparams, .nresults = nresults};
    struct func func = {0};
    struct module module = {.types = &type, .ntypes = 1, .funcs = &func, .nfuncs = 1};
    struct import import = {
        .module = {(const uint8_t *)module_name, (uint32_t)strlen(module_name)},
        .name = {(const uint8_t *)name, (uint32_t)strlen(name)},
        .kind = EXTERN_FUNC,
    };
    struct extern_value value = {0};
    start();
    return wasi_import(wasi, &module, &import, &value, &error) && value.of.function;
}

static void test_imports(void)
{
    static const valtype read[] = {TYPE_I32, TYPE_I32, TYPE_I32, TYPE_I32, TYPE_I32};
    static const valtype seek[] = {TYPE_I32, TYPE_I64, TYPE_I32, TYPE_I32, TYPE_I32};
    static const valtype accept[] = {TYPE_I32, TYPE_I32, TYPE_I32, TYPE_I32};
    CHECK(imports("wasi_snapshot_preview1", "fd_read", read, 4, 1));
    CHECK(imports("wasi_unstable", "fd_read", read, 4, 1));
    CHECK(!imports("wasi_snapshot_preview1", "fd_read", read, 3, 1));
    CHECK(!imports("wasi_snapshot_preview1", "fd_read", read, 4, 0));
    CHECK(!imports("wasi_snapshot_preview1", "fd_read", seek, 4, 1));
    CHECK(imports("wasi_snapshot_preview1", "fd_seek", seek, 4, 1));
    CHECK(imports("wasi_unstable", "fd_seek", seek, 4, 1));
    CHECK(imports("wasi_snapshot_preview1", "sock_accept", accept, 3, 1));
    CHECK(!imports("wasi_unstable", "sock_accept", accept, 3, 1));
    CHECK(!imports("env", "fd_read", read, 4, 1));
    CHECK(!imports("wasi_snapshot_preview1", "fd_reed", read, 4, 1));
    CHECK(error.kind == ERROR_LINK && strstr(error.message, "fd_reed"));
    CHECK(imports("wasi_snapshot_preview1", "proc_exit", read, 1, 0));
}

static bool is_zero(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i])
            return false;
    return true;
}

static void test_memory(void)
{
    enum { PAGE = 65536 };
    uint64_t max = 400 * PAGE;
    uint8_t *first = host_memory_create(2 * PAGE, max), *second = host_memory_create(0, max);
    CHECK(first && second && first != second);
    if (!first || !second)
        return;
    CHECK(is_zero(first, 2 * PAGE));
    memset(first, 1, 2 * PAGE);
    uint8_t *grown = host_memory_grow(second, 0, 3 * PAGE, max);
    CHECK(grown && is_zero(grown, 3 * PAGE));
    memset(grown, 2, 3 * PAGE);
    /* Not the last one any more: in Wasm it has to move. */
    uint8_t *moved = host_memory_grow(first, 2 * PAGE, 5 * PAGE, max);
    CHECK(moved && moved[0] == 1 && moved[2 * PAGE - 1] == 1 &&
          is_zero(moved + 2 * PAGE, 3 * PAGE));
    CHECK(grown[0] == 2);
    CHECK(!host_memory_grow(moved, 5 * PAGE, max + PAGE, max));
    memset(moved, 3, 5 * PAGE);
    host_memory_destroy(moved, 5 * PAGE, max);
    uint8_t *again = host_memory_create(PAGE, max);
    CHECK(again && is_zero(again, PAGE));
    for (uint64_t pages = 1; again && pages < 400; pages += 7) {
        uint64_t size = (pages + 7 < 400 ? pages + 7 : 400) * PAGE;
        again = host_memory_grow(again, pages * PAGE, size, max);
        CHECK(again && is_zero(again + pages * PAGE, 64) && is_zero(again + size - 64, 64));
    }
    host_memory_destroy(again, max, max);
    host_memory_destroy(grown, 3 * PAGE, max);
    CHECK(!host_memory_create(2 * PAGE, PAGE));
}

static void test_texts(void)
{
    CHECK(text_valid("plain", 5));
    CHECK(text_valid("\xc3\xa4\xe2\x82\xac\xf0\x9f\xa6\x80", 9));
    CHECK(!text_valid("a\0b", 3));
    CHECK(!text_valid("\xc0\xaf", 2));
    CHECK(!text_valid("\xe0\x80\xaf", 3));
    CHECK(!text_valid("\xed\xa0\x80", 3));
    CHECK(!text_valid("\xf4\x90\x80\x80", 4));
    CHECK(!text_valid("\xe2\x82", 2));
    CHECK(!text_valid("\xff", 1));
    CHECK(path_is_canonical(".", 1));
    CHECK(path_is_canonical("a/b.c/..d", 9));
    CHECK(!path_is_canonical("a/", 2));
    CHECK(!path_is_canonical("/a", 2));
    CHECK(!path_is_canonical("a/./b", 5));
    CHECK(!path_is_canonical("", 0));
}

int main(int argc, char **argv)
{
    make_work(argc > 1 ? argv[1] : NULL);
    test_texts();
    test_memory();
    test_arguments();
    test_bounds();
    test_nothing();
    test_files();
    test_unstable();
    test_vectors();
    test_flags();
    test_rights();
    test_escapes();
#ifndef __wasi__
    test_races();
#endif
    test_paths();
    test_readdir();
    test_save_and_load();
    test_closed_preopen();
    test_hostile_sections();
    test_forged_sections();
    test_forged_files();
    test_names();
    test_forged_notes();
    test_sleep();
    test_clocks();
#ifndef __wasi__
    test_blocking_read();
#endif
    test_process();
    test_imports();
    wasi_destroy(wasi);
    buffer_free(&saved);
#ifndef __wasi__
    char command[700];
    snprintf(command, sizeof command, "rm -rf '%s'", work);
    if (argc < 2)
        CHECK(system(command) == 0);
#endif
    return checks_end();
}
