/* files.h - descriptors, clocks and randomness of the machine, in the terms of WASI preview 1.
 *
 *     src/wasi ──▶ files.h ──▶ host/posix   Linux: openat2, poll, readv, ...
 *                         └──▶ host/wasi    the host's own preview 1, which is imported
 *
 * A handle is the machine's descriptor; the guest never sees it. Functions return an error number
 * of the preview and store results only on success. Paths are UTF-8 of `size` bytes, not
 * terminated, not empty, without NUL, relative: src/wasi has seen to that. No operation on a path
 * leaves the directory `dir`, whatever symbolic links there are below it: natively by openat2 with
 * RESOLVE_BENEATH, in Wasm by the host's own promise. */
#ifndef HOST_FILES_H
#define HOST_FILES_H

#include <stdbool.h>

#include "base/error.h"
#include "host/preview1.h"

typedef int handle;

enum { HANDLE_STDIN = 0, HANDLE_STDOUT = 1, HANDLE_STDERR = 2, HANDLE_NONE = -1 };

struct path {
    const char *data;
    size_t size;
};

/* ---- directories that the user gives (posix/paths.c, wasi/preopens.c) */

struct host_directory {
    handle handle;
    bool owned; /* false: one of Yadokari's own preopens, not to be closed */
};

/* Opens a directory named by the user. In Wasm the path is one below Yadokari's own preopens. */
bool host_directory_open(struct host_directory *directory, const char *path, struct error *error);

/* In Wasm: the name of the preopen number `index` of those that the host gave, terminated; empty
 * for one that cannot be named. False: there are no more. */
bool host_preopen_name(uint32_t index, char *name, size_t size);

/* ---- open files (posix/files.c, wasi/files.c) */

wasi_errno host_close(handle file);
/* `flags` are the machine's, `filetype` an enum filetype. */
wasi_errno host_fdstat_get(handle file, uint8_t *filetype, uint16_t *flags);
/* Sets APPEND and NONBLOCK, clears them, and leaves the others as they are. */
wasi_errno host_fdstat_set_flags(handle file, uint16_t flags);
wasi_errno host_filestat_get(handle file, struct filestat *stat);
wasi_errno host_filestat_set_size(handle file, uint64_t size);
/* Without flags that contradict each other: Node hangs at the next call then. */
wasi_errno host_filestat_set_times(handle file, uint64_t atim, uint64_t mtim, uint16_t fstflags);
wasi_errno host_advise(handle file, uint64_t offset, uint64_t size, uint8_t advice);
wasi_errno host_allocate(handle file, uint64_t offset, uint64_t size);
wasi_errno host_sync(handle file);
wasi_errno host_datasync(handle file);
wasi_errno host_seek(handle file, int64_t offset, uint8_t whence, uint64_t *position);

/* `count` is from 1 to MAX_VIEWS. (WAMR of 2020 ends a module that passes an empty vector, and
 * has 16 KiB for a copy of it.) */
enum { MAX_VIEWS = 128 };

wasi_errno host_read(handle file, const struct iovec_view *views, uint32_t count, uint32_t *done);
wasi_errno host_write(handle file, const struct iovec_view *views, uint32_t count, uint32_t *done);
/* The same of a pipe, terminal or socket, without waiting: AGAIN when nothing can be written now,
 * NOTSUP where the machine cannot tell. */
wasi_errno host_write_now(handle file, const struct iovec_view *views, uint32_t count,
                          uint32_t *done);
wasi_errno host_pread(handle file, const struct iovec_view *views, uint32_t count, uint64_t offset,
                      uint32_t *done);
wasi_errno host_pwrite(handle file, const struct iovec_view *views, uint32_t count, uint64_t offset,
                       uint32_t *done);

/* Calls `entry` for everything in a directory, "." and ".." included, in the machine's order, from
 * the start. False from `entry` (memory ran out) ends it with NOMEM. */
typedef bool (*host_entry)(void *context, const char *name, size_t size, uint64_t ino,
                           uint8_t filetype);
wasi_errno host_readdir(handle directory, host_entry entry, void *context);

/* ---- paths (posix/paths.c, wasi/paths.c) */

/* `rights` decides whether it is opened for reading and writing. A machine may leave out DSYNC,
 * RSYNC and SYNC; host_fdstat_get tells. INTR: it waits for somebody at a FIFO's other end for some
 * milliseconds already (natively; a host waits on). */
wasi_errno host_path_open(handle dir, uint32_t lookup, struct path path, uint16_t oflags,
                          uint64_t rights, uint64_t inheriting, uint16_t fdflags, handle *file);
wasi_errno host_path_create_directory(handle dir, struct path path);
wasi_errno host_path_remove_directory(handle dir, struct path path);
wasi_errno host_path_unlink_file(handle dir, struct path path);
wasi_errno host_path_filestat_get(handle dir, uint32_t lookup, struct path path,
                                  struct filestat *stat);
wasi_errno host_path_filestat_set_times(handle dir, uint32_t lookup, struct path path,
                                        uint64_t atim, uint64_t mtim, uint16_t fstflags);
wasi_errno host_path_link(handle old_dir, uint32_t lookup, struct path old_path, handle new_dir,
                          struct path new_path);
wasi_errno host_path_rename(handle old_dir, struct path old_path, handle new_dir,
                            struct path new_path);
/* `target` is the text of the link, not resolved. */
wasi_errno host_path_symlink(struct path target, handle dir, struct path path);
wasi_errno host_path_readlink(handle dir, struct path path, uint8_t *buffer, uint32_t size,
                              uint32_t *used);

/* ---- names of open files (posix/names.c, wasi/names.c) */

/* A name below `dir` that `file` may have, without links, "." and "..": natively the kernel's, in
 * Wasm what `hint` leads to. Whether it does lead to the file is to be seen. `name` has room for
 * MAX_FILE_NAME bytes and is not terminated. */
enum { MAX_FILE_NAME = 4096 };
wasi_errno host_file_name(handle dir, handle file, struct path hint, char *name, uint32_t *size);
/* Opens the very file for reading, whatever its name; NOTSUP in Wasm. */
wasi_errno host_open_again(handle file, handle *again);

/* ---- waiting (posix/wait.c, wasi/wait.c) */

struct host_wait {
    handle file;
    bool writing; /* wait until it can be written, otherwise until it can be read */
    /* Set by host_wait: */
    bool ready;
    bool hangup;
    wasi_errno error;
    uint64_t nbytes; /* that can be read at once, where the machine says so, else 1 */
};

/* Waits until one of `waits` is ready or failed or `nanoseconds` have passed (UINT64_MAX: for
 * ever). Without waits it is a sleep. An error means that this machine cannot wait in that way. */
wasi_errno host_wait(struct host_wait *waits, uint32_t count, uint64_t nanoseconds);
wasi_errno host_yield(void);

/* ---- clocks and randomness (posix/clock.c, wasi/clock.c) */

/* `clock` is CLOCK_REAL ... CLOCK_THREAD; nanoseconds. A machine may have no CPU clocks. */
wasi_errno host_clock_get(uint32_t clock, uint64_t *time);
wasi_errno host_clock_resolution(uint32_t clock, uint64_t *resolution);
wasi_errno host_random(uint8_t *data, size_t size);

/* ---- sockets (posix/sockets.c, posix/listeners.c, wasi/sockets.c, wasi/newer/accept.c) */

/* A listening socket that does not block, the `index`-th that is asked for: natively it is made for
 * "ADDRESS:PORT" ("[::1]:80" for IPv6; port 0: any); in Wasm it is the `index`-th that the host has
 * given, whatever its address. Where it listens is *bound, with the port that 0 became; the caller
 * frees it. ERROR_IO names what cannot be listened on. */
bool host_listen(const char *address, uint32_t index, handle *listener, char **bound,
                 struct error *error);
/* A connection that does not block. */
wasi_errno host_sock_accept(handle socket, handle *connection);
wasi_errno host_sock_recv(handle socket, const struct iovec_view *views, uint32_t count,
                          uint16_t riflags, uint32_t *done, uint16_t *roflags);
wasi_errno host_sock_send(handle socket, const struct iovec_view *views, uint32_t count,
                          uint32_t *done);
wasi_errno host_sock_shutdown(handle socket, uint8_t how);

#endif
