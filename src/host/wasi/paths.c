/* paths.c - operations on paths: resolved by resolve.c, done by the host. */
#include "host/files.h"
#include "host/wasi/imports.h"
#include "host/wasi/open.h"
#include "host/wasi/resolve.h"

static struct path path_of(const struct resolved *resolved)
{
    return (struct path){resolved->data, resolved->size};
}

static enum last_component last_by(uint32_t lookup, enum last_component otherwise)
{
    return lookup & LOOKUP_SYMLINK_FOLLOW ? LAST_FOLLOW : otherwise;
}

wasi_errno host_path_open(handle dir, uint32_t lookup, struct path path, uint16_t oflags,
                          uint64_t rights, uint64_t inheriting, uint16_t fdflags, handle *file)
{
    struct resolved resolved;
    wasi_errno error = resolve_path(dir, path, last_by(lookup, LAST_REFUSE), &resolved);
    if (error)
        return error;
    if ((oflags & OFLAG_CREAT) && path.data[path.size - 1] == '/')
        return ERRNO_ISDIR;
    return open_on_host((struct opening){.dir = dir,
                                         .path = path_of(&resolved),
                                         .oflags = oflags,
                                         .rights = rights,
                                         .inheriting = inheriting,
                                         .fdflags = fdflags},
                        file);
}

/* ---- one path */

wasi_errno host_path_create_directory(handle dir, struct path path)
{
    struct resolved resolved;
    wasi_errno error = resolve_path(dir, path, LAST_KEEP, &resolved);
    if (error)
        return error;
    return HOST(path_create_directory, dir, address(resolved.data), (int32_t)resolved.size);
}

wasi_errno host_path_remove_directory(handle dir, struct path path)
{
    struct resolved resolved;
    wasi_errno error = resolve_path(dir, path, LAST_KEEP, &resolved);
    if (error)
        return error;
    return HOST(path_remove_directory, dir, address(resolved.data), (int32_t)resolved.size);
}

wasi_errno host_path_unlink_file(handle dir, struct path path)
{
    struct resolved resolved;
    wasi_errno error = resolve_path(dir, path, LAST_KEEP, &resolved);
    if (error)
        return error;
    return HOST(path_unlink_file, dir, address(resolved.data), (int32_t)resolved.size);
}

wasi_errno host_path_filestat_get(handle dir, uint32_t lookup, struct path path,
                                  struct filestat *stat)
{
    struct resolved resolved;
    wasi_errno error = resolve_path(dir, path, last_by(lookup, LAST_KEEP), &resolved);
    return error ? error : path_filestat(dir, path_of(&resolved), stat);
}

wasi_errno host_path_filestat_set_times(handle dir, uint32_t lookup, struct path path,
                                        uint64_t atim, uint64_t mtim, uint16_t fstflags)
{
    struct resolved resolved;
    wasi_errno error = resolve_path(dir, path, last_by(lookup, LAST_KEEP), &resolved);
    if (error)
        return error;
    return HOST(path_filestat_set_times, dir, 0, address(resolved.data), (int32_t)resolved.size,
                (int64_t)atim, (int64_t)mtim, fstflags);
}

wasi_errno host_path_readlink(handle dir, struct path path, uint8_t *buffer, uint32_t size,
                              uint32_t *used)
{
    struct resolved resolved;
    wasi_errno error = resolve_path(dir, path, LAST_KEEP, &resolved);
    return error ? error : read_link(dir, path_of(&resolved), buffer, size, used);
}

wasi_errno host_path_symlink(struct path target, handle dir, struct path path)
{
    struct resolved resolved;
    wasi_errno error = resolve_path(dir, path, LAST_KEEP, &resolved);
    if (error)
        return error;
    return HOST(path_symlink, address(target.data), (int32_t)target.size, dir,
                address(resolved.data), (int32_t)resolved.size);
}

/* ---- two paths */

wasi_errno host_path_link(handle old_dir, uint32_t lookup, struct path old_path, handle new_dir,
                          struct path new_path)
{
    struct resolved from, to;
    if (lookup & LOOKUP_SYMLINK_FOLLOW)
        return ERRNO_INVAL;
    wasi_errno error = resolve_path(old_dir, old_path, LAST_KEEP, &from);
    if (!error)
        error = resolve_path(new_dir, new_path, LAST_KEEP, &to);
    if (error)
        return error;
    return HOST(path_link, old_dir, 0, address(from.data), (int32_t)from.size, new_dir,
                address(to.data), (int32_t)to.size);
}

wasi_errno host_path_rename(handle old_dir, struct path old_path, handle new_dir,
                            struct path new_path)
{
    struct resolved from, to;
    wasi_errno error = resolve_path(old_dir, old_path, LAST_KEEP, &from);
    if (!error)
        error = resolve_path(new_dir, new_path, LAST_KEEP, &to);
    if (error)
        return error;
    return HOST(path_rename, old_dir, address(from.data), (int32_t)from.size, new_dir,
                address(to.data), (int32_t)to.size);
}
