/* host_imports.h - what Yadokari imports of its host when it is Wasm: functions that every host of
 * WASI preview 1 has, those of the year 2020 included. sock_accept, which came later, is not among
 * them, and none is that src/wasi does by itself (fd_renumber, rights, arguments, proc_raise).
 *
 * The symbols are wasi-libc's, so that each function is imported once. wasi-libc's own wrappers
 * (__wasi_path_open and so on) would ask for terminated paths. Pointers pass as i32. */
#ifndef HOST_WASI_HOST_IMPORTS_H
#define HOST_WASI_HOST_IMPORTS_H

#include <stdint.h>

#include "host/preview1.h"

#define IMPORT(name, ...)                                         \
    int32_t __imported_wasi_snapshot_preview1_##name(__VA_ARGS__) \
        __attribute__((__import_module__("wasi_snapshot_preview1"), __import_name__(#name)))

IMPORT(clock_res_get, int32_t clock, int32_t resolution);
IMPORT(clock_time_get, int32_t clock, int64_t precision, int32_t time);
IMPORT(fd_advise, int32_t fd, int64_t offset, int64_t size, int32_t advice);
IMPORT(fd_allocate, int32_t fd, int64_t offset, int64_t size);
IMPORT(fd_close, int32_t fd);
IMPORT(fd_datasync, int32_t fd);
IMPORT(fd_fdstat_get, int32_t fd, int32_t fdstat);
IMPORT(fd_fdstat_set_flags, int32_t fd, int32_t flags);
IMPORT(fd_filestat_get, int32_t fd, int32_t filestat);
IMPORT(fd_filestat_set_size, int32_t fd, int64_t size);
IMPORT(fd_filestat_set_times, int32_t fd, int64_t atim, int64_t mtim, int32_t fstflags);
IMPORT(fd_pread, int32_t fd, int32_t views, int32_t count, int64_t offset, int32_t done);
IMPORT(fd_prestat_get, int32_t fd, int32_t prestat);
IMPORT(fd_prestat_dir_name, int32_t fd, int32_t name, int32_t size);
IMPORT(fd_pwrite, int32_t fd, int32_t views, int32_t count, int64_t offset, int32_t done);
IMPORT(fd_read, int32_t fd, int32_t views, int32_t count, int32_t done);
IMPORT(fd_readdir, int32_t fd, int32_t buffer, int32_t size, int64_t cookie, int32_t used);
IMPORT(fd_seek, int32_t fd, int64_t offset, int32_t whence, int32_t position);
IMPORT(fd_sync, int32_t fd);
IMPORT(fd_write, int32_t fd, int32_t views, int32_t count, int32_t done);
IMPORT(path_create_directory, int32_t fd, int32_t path, int32_t size);
IMPORT(path_filestat_get, int32_t fd, int32_t lookup, int32_t path, int32_t size, int32_t filestat);
IMPORT(path_filestat_set_times, int32_t fd, int32_t lookup, int32_t path, int32_t size,
       int64_t atim, int64_t mtim, int32_t fstflags);
IMPORT(path_link, int32_t old_fd, int32_t lookup, int32_t old_path, int32_t old_size,
       int32_t new_fd, int32_t new_path, int32_t new_size);
IMPORT(path_open, int32_t fd, int32_t lookup, int32_t path, int32_t size, int32_t oflags,
       int64_t rights, int64_t inheriting, int32_t fdflags, int32_t opened);
IMPORT(path_readlink, int32_t fd, int32_t path, int32_t size, int32_t buffer, int32_t buffer_size,
       int32_t used);
IMPORT(path_remove_directory, int32_t fd, int32_t path, int32_t size);
IMPORT(path_rename, int32_t old_fd, int32_t old_path, int32_t old_size, int32_t new_fd,
       int32_t new_path, int32_t new_size);
IMPORT(path_symlink, int32_t target, int32_t target_size, int32_t fd, int32_t path, int32_t size);
IMPORT(path_unlink_file, int32_t fd, int32_t path, int32_t size);
IMPORT(poll_oneoff, int32_t subscriptions, int32_t events, int32_t count, int32_t nevents);
IMPORT(random_get, int32_t data, int32_t size);
/* Without parameters, which the macro cannot say. */
int32_t __imported_wasi_snapshot_preview1_sched_yield(void)
    __attribute__((__import_module__("wasi_snapshot_preview1"), __import_name__("sched_yield")));
IMPORT(sock_recv, int32_t fd, int32_t views, int32_t count, int32_t riflags, int32_t done,
       int32_t roflags);
IMPORT(sock_send, int32_t fd, int32_t views, int32_t count, int32_t siflags, int32_t done);
IMPORT(sock_shutdown, int32_t fd, int32_t how);

#undef IMPORT

/* Calls the host. */
#define HOST(name, ...) ((wasi_errno)__imported_wasi_snapshot_preview1_##name(__VA_ARGS__))

/* A pointer as the host takes it. */
static inline int32_t address(const void *pointer)
{
    return (int32_t)(intptr_t)pointer;
}

/* Structures that the host fills in, as it lays them out. */
struct host_fdstat {
    uint8_t filetype;
    uint16_t flags;
    uint64_t rights;
    uint64_t inheriting;
};
struct host_prestat {
    uint8_t tag; /* 0: a directory */
    uint32_t name_size;
};
_Static_assert(sizeof(struct host_fdstat) == 24 && sizeof(struct host_prestat) == 8,
               "layouts of the preview");
_Static_assert(sizeof(struct filestat) == 64 && offsetof(struct filestat, ctim) == 56,
               "filestat has the preview's layout and is filled in by the host");
_Static_assert(sizeof(struct iovec_view) == 8, "iovec_view has the layout of the preview's iovec");

#endif
