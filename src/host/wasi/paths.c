/* paths.c - operations on paths: resolved by resolve.c, done by the host.
 *
 * What is refused is refused here, as Linux does it, where hosts differ: which errors there are
 * for a slash, "." or ".." at the end, and for a link, a directory or nothing where something else
 * was wanted. */
#include "host/files.h"
#include "host/wasi/host_imports.h"
#include "host/wasi/open.h"
#include "host/wasi/resolve.h"

static struct path path_of(const struct resolved *resolved)
{
    return (struct path){resolved->data, resolved->size};
}

/* A path as two arguments. */
#define PATH(resolved) address((resolved).data), (int32_t)(resolved).size

/* ---- what is there */

static wasi_errno find(handle dir, uint32_t lookup, struct path path, struct resolved *found)
{
    unsigned follow = lookup & LOOKUP_SYMLINK_FOLLOW ? LAST_FOLLOW : 0;
    return resolve_path(dir, path, LAST_LOOK | follow, found);
}

static wasi_errno refuse_to_open(uint8_t filetype, uint16_t oflags, uint64_t rights)
{
    bool directory = filetype == FILETYPE_DIRECTORY;
    if (oflags & OFLAG_EXCL)
        return ERRNO_EXIST;
    if ((oflags & OFLAG_DIRECTORY) && !directory)
        return ERRNO_NOTDIR;
    if (filetype == FILETYPE_SYMBOLIC_LINK)
        return ERRNO_LOOP;
    uint64_t writing = oflags & OFLAG_DIRECTORY ? RIGHT_FD_WRITE : RIGHTS_WRITING;
    bool writes = (oflags & (OFLAG_CREAT | OFLAG_TRUNC)) || (rights & writing);
    return directory && writes ? ERRNO_ISDIR : ERRNO_SUCCESS;
}

wasi_errno host_path_open(handle dir, uint32_t lookup, struct path path, uint16_t oflags,
                          uint64_t rights, uint64_t inheriting, uint16_t fdflags, handle *file)
{
    struct resolved found;
    unsigned last = LAST_LOOK | LAST_FOLLOW;
    if (oflags & OFLAG_CREAT)
        last |= LAST_MAKE;
    else
        oflags &= (uint16_t)~OFLAG_EXCL;
    if ((oflags & OFLAG_EXCL) || !(lookup & LOOKUP_SYMLINK_FOLLOW))
        last &= ~(unsigned)LAST_FOLLOW;
    wasi_errno error = resolve_path(dir, path, last, &found);
    if (!error && !found.missing)
        error = refuse_to_open(found.stat.filetype, oflags, rights);
    if (error)
        return error;
    return open_on_host((struct opening){.dir = dir,
                                         .path = path_of(&found),
                                         .oflags = oflags,
                                         .rights = rights,
                                         .inheriting = inheriting,
                                         .fdflags = fdflags},
                        file);
}

wasi_errno host_path_filestat_get(handle dir, uint32_t lookup, struct path path,
                                  struct filestat *stat)
{
    struct resolved found;
    wasi_errno error = find(dir, lookup, path, &found);
    if (!error)
        *stat = found.stat;
    return error;
}

wasi_errno host_path_filestat_set_times(handle dir, uint32_t lookup, struct path path,
                                        uint64_t atim, uint64_t mtim, uint16_t fstflags)
{
    struct resolved found;
    wasi_errno error = find(dir, lookup, path, &found);
    if (error)
        return error;
    /* wazero changes no directory's times unless links are followed. */
    uint32_t flags = found.stat.filetype == FILETYPE_SYMBOLIC_LINK ? 0 : LOOKUP_SYMLINK_FOLLOW;
    return HOST(path_filestat_set_times, dir, (int32_t)flags, PATH(found), (int64_t)atim,
                (int64_t)mtim, fstflags);
}

wasi_errno host_path_readlink(handle dir, struct path path, uint8_t *buffer, uint32_t size,
                              uint32_t *used)
{
    struct resolved found;
    wasi_errno error = find(dir, 0, path, &found);
    if (!error && found.stat.filetype != FILETYPE_SYMBOLIC_LINK)
        error = ERRNO_INVAL;
    return error ? error : read_link(dir, path_of(&found), buffer, size, used);
}

/* ---- names */

/* ISDIR or NOTDIR of what has that name, a link not followed. */
static wasi_errno look_at(handle dir, const struct resolved *name)
{
    struct filestat stat;
    wasi_errno error = path_filestat(dir, path_of(name), &stat);
    return error ? error : stat.filetype == FILETYPE_DIRECTORY ? ERRNO_ISDIR : ERRNO_NOTDIR;
}

/* Where something is to be made. Only a directory's name may have a slash behind it. */
static wasi_errno find_new(handle dir, struct path path, bool directory, struct resolved *name)
{
    wasi_errno error = resolve_path(dir, path, LAST_NAME, name);
    if (error)
        return error;
    error = look_at(dir, name);
    if (error == ERRNO_NOTDIR || error == ERRNO_ISDIR)
        return ERRNO_EXIST;
    return error == ERRNO_NOENT && (directory || !name->slash) ? ERRNO_SUCCESS : error;
}

wasi_errno host_path_create_directory(handle dir, struct path path)
{
    struct resolved name;
    wasi_errno error = find_new(dir, path, true, &name);
    return error ? error : HOST(path_create_directory, dir, PATH(name));
}

wasi_errno host_path_remove_directory(handle dir, struct path path)
{
    struct resolved name;
    wasi_errno error = resolve_path(dir, path, LAST_NAME, &name);
    if (!error && name.dots)
        error = name.dots == 1 ? ERRNO_INVAL : ERRNO_NOTEMPTY;
    return error ? error : HOST(path_remove_directory, dir, PATH(name));
}

wasi_errno host_path_unlink_file(handle dir, struct path path)
{
    struct resolved name;
    wasi_errno error = resolve_path(dir, path, LAST_NAME, &name);
    if (!error && name.dots)
        error = ERRNO_ISDIR;
    if (!error && name.slash)
        error = look_at(dir, &name);
    return error ? error : HOST(path_unlink_file, dir, PATH(name));
}

wasi_errno host_path_symlink(struct path target, handle dir, struct path path)
{
    struct resolved name;
    wasi_errno error = find_new(dir, path, false, &name);
    if (error)
        return error;
    return HOST(path_symlink, address(target.data), (int32_t)target.size, dir, PATH(name));
}

wasi_errno host_path_link(handle old_dir, uint32_t lookup, struct path old_path, handle new_dir,
                          struct path new_path)
{
    struct resolved from, to;
    if (lookup & LOOKUP_SYMLINK_FOLLOW)
        return ERRNO_INVAL;
    wasi_errno error = find(old_dir, 0, old_path, &from);
    if (!error)
        error = find_new(new_dir, new_path, false, &to);
    if (error)
        return error;
    return HOST(path_link, old_dir, 0, PATH(from), new_dir, PATH(to));
}

wasi_errno host_path_rename(handle old_dir, struct path old_path, handle new_dir,
                            struct path new_path)
{
    struct resolved from, to;
    wasi_errno error = resolve_path(old_dir, old_path, LAST_NAME, &from);
    if (!error)
        error = resolve_path(new_dir, new_path, LAST_NAME, &to);
    if (!error && (from.dots || to.dots))
        error = ERRNO_BUSY;
    if (error)
        return error;
    error = look_at(old_dir, &from);
    if (error == ERRNO_NOTDIR && (from.slash || to.slash))
        return look_at(new_dir, &to) == ERRNO_NAMETOOLONG ? ERRNO_NAMETOOLONG : error;
    if (error != ERRNO_NOTDIR && error != ERRNO_ISDIR)
        return error;
    return HOST(path_rename, old_dir, PATH(from), new_dir, PATH(to));
}
