#include "host/files.h"
#include "host/wasi/imports.h"

/* A host refuses rights that its own directory lacks; the guest, which sees rights that are the
 * same on every host, may ask for more than there are here. Only that it wants to read or write
 * where this host lets nobody is an error. */
static wasi_errno allowed_rights(handle dir, uint16_t oflags, uint64_t *rights,
                                 uint64_t *inheriting)
{
    struct host_fdstat fdstat = {0};
    wasi_errno error = HOST(fd_fdstat_get, dir, address(&fdstat));
    if (error)
        return error;
    uint64_t essential = RIGHT_FD_READ | RIGHT_FD_WRITE;
    if (oflags & OFLAG_DIRECTORY) { /* hosts take FD_WRITE for "open for writing": EISDIR */
        essential = RIGHT_FD_READDIR;
        *rights &= RIGHTS_DIRECTORY;
    } else { /* what Yadokari itself needs, to save an offset and to wait */
        *rights |= RIGHT_FD_SEEK | RIGHT_FD_TELL | RIGHT_FD_FILESTAT_GET | RIGHT_POLL_FD_READWRITE;
    }
    if (*rights & essential & ~fdstat.inheriting)
        return ERRNO_NOTCAPABLE;
    *rights &= fdstat.inheriting;
    *inheriting &= fdstat.inheriting;
    return ERRNO_SUCCESS;
}

wasi_errno host_path_open(handle dir, uint32_t lookup, struct path path, uint16_t oflags,
                          uint64_t rights, uint64_t inheriting, uint16_t fdflags, handle *file)
{
    wasi_errno error = allowed_rights(dir, oflags, &rights, &inheriting);
    if (error)
        return error;
    return HOST(path_open, dir, (int32_t)lookup, address(path.data), (int32_t)path.size, oflags,
                (int64_t)rights, (int64_t)inheriting, fdflags, address(file));
}

wasi_errno host_path_create_directory(handle dir, struct path path)
{
    return HOST(path_create_directory, dir, address(path.data), (int32_t)path.size);
}

wasi_errno host_path_remove_directory(handle dir, struct path path)
{
    return HOST(path_remove_directory, dir, address(path.data), (int32_t)path.size);
}

wasi_errno host_path_unlink_file(handle dir, struct path path)
{
    return HOST(path_unlink_file, dir, address(path.data), (int32_t)path.size);
}

wasi_errno host_path_filestat_get(handle dir, uint32_t lookup, struct path path,
                                  struct filestat *stat)
{
    return HOST(path_filestat_get, dir, (int32_t)lookup, address(path.data), (int32_t)path.size,
                address(stat));
}

wasi_errno host_path_filestat_set_times(handle dir, uint32_t lookup, struct path path,
                                        uint64_t atim, uint64_t mtim, uint16_t fstflags)
{
    return HOST(path_filestat_set_times, dir, (int32_t)lookup, address(path.data),
                (int32_t)path.size, (int64_t)atim, (int64_t)mtim, fstflags);
}

wasi_errno host_path_link(handle old_dir, uint32_t lookup, struct path old_path, handle new_dir,
                          struct path new_path)
{
    return HOST(path_link, old_dir, (int32_t)lookup, address(old_path.data), (int32_t)old_path.size,
                new_dir, address(new_path.data), (int32_t)new_path.size);
}

wasi_errno host_path_rename(handle old_dir, struct path old_path, handle new_dir,
                            struct path new_path)
{
    return HOST(path_rename, old_dir, address(old_path.data), (int32_t)old_path.size, new_dir,
                address(new_path.data), (int32_t)new_path.size);
}

wasi_errno host_path_symlink(struct path target, handle dir, struct path path)
{
    return HOST(path_symlink, address(target.data), (int32_t)target.size, dir, address(path.data),
                (int32_t)path.size);
}

wasi_errno host_path_readlink(handle dir, struct path path, uint8_t *buffer, uint32_t size,
                              uint32_t *used)
{
    return HOST(path_readlink, dir, address(path.data), (int32_t)path.size, address(buffer),
                (int32_t)size, address(used));
}
