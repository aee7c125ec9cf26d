/* fd_functions.c - functions on open descriptors. */
#include "wasi/wasi_call.h"

/* ---- state of a descriptor */

outcome wasi_fd_close(const struct call *call)
{
    struct descriptor *descriptor;
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), 0, &descriptor);
    return error ? error : descriptor_close(descriptor);
}

outcome wasi_fd_renumber(const struct call *call)
{
    struct descriptor *from, *to;
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), 0, &from);
    if (!error)
        error = descriptor_get(call->wasi, arg32(call, 1), 0, &to);
    if (error || from == to)
        return error;
    (void)descriptor_close(to); /* as dup2 has it, what closing says is lost */
    *to = *from;
    *from = (struct descriptor){.handle = HANDLE_NONE};
    return ERRNO_SUCCESS;
}

/* fdstat: 0 filetype u8, 2 flags u16, 8 rights u64, 16 inheriting u64. */
outcome wasi_fd_fdstat_get(const struct call *call)
{
    struct descriptor *descriptor;
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), 0, &descriptor);
    if (error)
        return error;
    uint8_t *stat = guest_at(call, arg32(call, 1), 24);
    if (!stat)
        return ERRNO_FAULT;
    memset(stat, 0, 24);
    stat[0] = descriptor->filetype;
    put_le16(stat + 2, descriptor->fdflags);
    put_le64(stat + 8, descriptor->rights);
    put_le64(stat + 16, descriptor->inheriting);
    return ERRNO_SUCCESS;
}

outcome wasi_fd_fdstat_set_flags(const struct call *call)
{
    struct descriptor *descriptor;
    uint32_t flags = arg32(call, 1);
    wasi_errno error =
        descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_FDSTAT_SET_FLAGS, &descriptor);
    if (error)
        return error;
    if (flags & ~FDFLAGS_ALL)
        return ERRNO_INVAL;
    /* A stream is shared with whoever started Yadokari, and a socket never blocks; NONBLOCK on
     * them is done by wait_to_read. */
    if (descriptor->kind != DESCRIPTOR_STREAM && !is_socket(descriptor))
        error = host_fdstat_set_flags(descriptor->handle, (uint16_t)flags);
    else if (flags & ~(FDFLAG_APPEND | FDFLAG_NONBLOCK))
        error = ERRNO_NOTSUP;
    if (!error)
        descriptor->fdflags = (uint16_t)flags;
    return error;
}

outcome wasi_fd_fdstat_set_rights(const struct call *call)
{
    struct descriptor *descriptor;
    uint64_t rights = arg64(call, 1), inheriting = arg64(call, 2);
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), 0, &descriptor);
    if (error)
        return error;
    if ((rights & ~descriptor->rights) || (inheriting & ~descriptor->inheriting))
        return ERRNO_NOTCAPABLE;
    descriptor->rights = rights;
    descriptor->inheriting = inheriting;
    return ERRNO_SUCCESS;
}

/* prestat: 0 tag u8 (0: a directory), 4 size of its name u32. */
outcome wasi_fd_prestat_get(const struct call *call)
{
    struct descriptor *descriptor;
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), 0, &descriptor);
    if (error || descriptor->kind != DESCRIPTOR_PREOPEN)
        return ERRNO_BADF;
    uint8_t *prestat = guest_at(call, arg32(call, 1), 8);
    if (!prestat)
        return ERRNO_FAULT;
    memset(prestat, 0, 8);
    put_le32(prestat + 4, call->wasi->preopens[descriptor->source].guest_path.size);
    return ERRNO_SUCCESS;
}

outcome wasi_fd_prestat_dir_name(const struct call *call)
{
    struct descriptor *descriptor;
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), 0, &descriptor);
    if (error || descriptor->kind != DESCRIPTOR_PREOPEN)
        return ERRNO_BADF;
    const struct text *name = &call->wasi->preopens[descriptor->source].guest_path;
    if (arg32(call, 2) < name->size)
        return ERRNO_NAMETOOLONG;
    uint8_t *buffer = guest_at(call, arg32(call, 1), name->size);
    if (!buffer)
        return ERRNO_FAULT;
    memcpy(buffer, name->data, name->size);
    return ERRNO_SUCCESS;
}

/* ---- the file behind it */

/* filestat: 0 device u64, 8 inode u64, 16 filetype u8, 24 links u64, 32 size u64, 40 atim u64,
 * 48 mtim u64, 56 ctim u64. The first snapshot has 20 links u32, and what follows 8 bytes earlier. */
enum { FILESTAT_SIZE = 64, UNSTABLE_FILESTAT_SIZE = 56 };

uint8_t *filestat_at(const struct call *call, uint32_t at)
{
    return guest_at(call, at, call->unstable ? UNSTABLE_FILESTAT_SIZE : FILESTAT_SIZE);
}

void put_filestat(const struct call *call, uint8_t *at, const struct filestat *stat)
{
    const uint64_t sizes[] = {stat->size, stat->atim, stat->mtim, stat->ctim};
    uint8_t *rest = at + (call->unstable ? 24 : 32);
    memset(at, 0, 32);
    put_le64(at, stat->dev);
    put_le64(at + 8, stat->ino);
    at[16] = stat->filetype;
    if (call->unstable)
        put_le32(at + 20, stat->nlink < UINT32_MAX ? (uint32_t)stat->nlink : UINT32_MAX);
    else
        put_le64(at + 24, stat->nlink);
    for (size_t i = 0; i < 4; i++)
        put_le64(rest + 8 * i, sizes[i]);
}

outcome wasi_fd_filestat_get(const struct call *call)
{
    struct descriptor *descriptor;
    struct filestat stat = {0};
    uint8_t *result = filestat_at(call, arg32(call, 1));
    wasi_errno error =
        descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_FILESTAT_GET, &descriptor);
    if (!error && !result)
        error = ERRNO_FAULT;
    if (!error && descriptor->kind == DESCRIPTOR_STREAM) /* see descriptor_probe_stream */
        stat.filetype = descriptor->filetype;
    else if (!error)
        error = host_filestat_get(descriptor->handle, &stat);
    if (!error)
        put_filestat(call, result, &stat);
    return error;
}

outcome wasi_fd_filestat_set_size(const struct call *call)
{
    struct descriptor *descriptor;
    wasi_errno error =
        descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_FILESTAT_SET_SIZE, &descriptor);
    return error ? error : host_filestat_set_size(descriptor->handle, arg64(call, 1));
}

bool fstflags_valid(uint32_t flags)
{
    uint32_t now = flags & (FSTFLAG_ATIM_NOW | FSTFLAG_MTIM_NOW);
    return flags < 16 && !(flags & now >> 1);
}

outcome wasi_fd_filestat_set_times(const struct call *call)
{
    struct descriptor *descriptor;
    wasi_errno error =
        descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_FILESTAT_SET_TIMES, &descriptor);
    if (!error && !fstflags_valid(arg32(call, 3)))
        error = ERRNO_INVAL;
    if (error)
        return error;
    return host_filestat_set_times(descriptor->handle, arg64(call, 1), arg64(call, 2),
                                   (uint16_t)arg32(call, 3));
}

outcome wasi_fd_advise(const struct call *call)
{
    struct descriptor *descriptor;
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_ADVISE, &descriptor);
    if (error)
        return error;
    if (arg32(call, 3) > 5)
        return ERRNO_INVAL;
    if (descriptor->filetype == FILETYPE_DIRECTORY)
        return ERRNO_BADF;
    return host_advise(descriptor->handle, arg64(call, 1), arg64(call, 2), (uint8_t)arg32(call, 3));
}

outcome wasi_fd_allocate(const struct call *call)
{
    struct descriptor *descriptor;
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_ALLOCATE, &descriptor);
    return error ? error : host_allocate(descriptor->handle, arg64(call, 1), arg64(call, 2));
}

outcome wasi_fd_sync(const struct call *call)
{
    struct descriptor *descriptor;
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_SYNC, &descriptor);
    if (error || descriptor->kind == DESCRIPTOR_STREAM)
        return error; /* machines disagree on whether a pipe or a terminal has this */
    return host_sync(descriptor->handle);
}

outcome wasi_fd_datasync(const struct call *call)
{
    struct descriptor *descriptor;
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), RIGHT_FD_DATASYNC, &descriptor);
    if (error || descriptor->kind == DESCRIPTOR_STREAM)
        return error;
    return host_datasync(descriptor->handle);
}

/* ---- offset */

static outcome seek(const struct call *call, uint64_t rights, int64_t offset, uint32_t whence,
                    uint32_t result_at)
{
    struct descriptor *descriptor;
    uint64_t position = 0;
    uint8_t *result = guest_at(call, result_at, 8);
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), rights, &descriptor);
    if (!error && !result)
        error = ERRNO_FAULT;
    if (!error && whence > WHENCE_END)
        error = ERRNO_INVAL;
    if (!error)
        error = host_seek(descriptor->handle, offset, (uint8_t)whence, &position);
    if (!error)
        put_le64(result, position);
    return error;
}

outcome wasi_fd_seek(const struct call *call)
{
    static const uint8_t first[] = {WHENCE_CUR, WHENCE_END, WHENCE_SET}; /* of the first snapshot */
    uint64_t offset = arg64(call, 1);
    uint32_t whence = arg32(call, 2);
    if (call->unstable && whence < sizeof first)
        whence = first[whence];
    uint64_t rights = RIGHT_FD_SEEK;
    if (offset == 0 && whence == WHENCE_CUR)
        rights = RIGHT_FD_TELL; /* the preview counts that as asking, not as moving */
    return seek(call, rights, (int64_t)offset, whence, arg32(call, 3));
}

outcome wasi_fd_tell(const struct call *call)
{
    return seek(call, RIGHT_FD_TELL, 0, WHENCE_CUR, arg32(call, 1));
}

/* ---- reading and writing */

/* What all four check: the descriptor, where the result goes, the buffers. */
static wasi_errno prepare(const struct call *call, uint64_t rights, uint32_t result_at,
                          struct descriptor **descriptor, struct views *views)
{
    wasi_errno error = descriptor_get(call->wasi, arg32(call, 0), rights, descriptor);
    if (!error && !guest_has(call, result_at, 4))
        error = ERRNO_FAULT;
    return error ? error : guest_views(call, arg32(call, 1), arg32(call, 2), views);
}

/* A second read of a stream might block, so hosts fill one buffer or all of them, each as it likes.
 * Here it is always one. */
static void keep_first_view(struct views *views)
{
    uint32_t first = 0;
    while (first + 1 < views->count && views->items[first].size == 0)
        first++;
    views->items[0] = views->items[first];
    views->count = 1;
}

/* A large call is made in parts, so that Yadokari can be asked to stop in between: then, or where a
 * part comes out short, the guest learns that less was done than it wanted, as it always may. */
enum { PART = 1 << 20 };

/* The bytes from `from` on, at most `limit` of them. False: there are none. */
static bool part_of(const struct views *views, uint64_t from, uint32_t limit, struct views *part)
{
    part->count = 0;
    for (uint32_t i = 0; i < views->count && limit; i++) {
        struct iovec_view view = views->items[i];
        if (from >= view.size) {
            from -= view.size;
            continue;
        }
        view.data += from;
        view.size -= from;
        from = 0;
        if (view.size > limit)
            view.size = limit;
        limit -= (uint32_t)view.size;
        part->items[part->count++] = view;
    }
    return part->count > 0;
}

static uint64_t size_of(const struct views *views)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < views->count; i++)
        size += views->items[i].size;
    return size;
}

typedef outcome (*mover)(struct wasi *wasi, struct descriptor *descriptor,
                         const struct views *views, uint64_t offset, uint32_t *done);

static outcome in_parts(const struct call *call, mover move, struct descriptor *descriptor,
                        const struct views *views, uint64_t offset, uint32_t *done)
{
    struct views part;
    if (size_of(views) <= PART)
        return move(call->wasi, descriptor, views, offset, done);
    outcome error = ERRNO_SUCCESS;
    for (uint32_t moved; *done <= INT32_MAX && part_of(views, *done, PART, &part);) {
        moved = 0;
        error = move(call->wasi, descriptor, &part, offset + *done, &moved);
        *done += moved;
        if (error || moved < size_of(&part) || pace_ask(call->wasi))
            break;
    }
    return *done ? ERRNO_SUCCESS : error;
}

static outcome read_some(struct wasi *wasi, struct descriptor *descriptor,
                         const struct views *views, uint64_t offset, uint32_t *done)
{
    outcome error;
    (void)offset;
    do {
        error = wait_to_read(wasi, descriptor);
        if (!error)
            error = host_read(descriptor->handle, views->items, views->count, done);
    } while (try_again(wasi, descriptor, &error));
    return error;
}

outcome wasi_fd_read(const struct call *call)
{
    struct descriptor *descriptor;
    struct views views;
    uint32_t done = 0;
    outcome error = prepare(call, RIGHT_FD_READ, arg32(call, 3), &descriptor, &views);
    if (!error && descriptor->filetype != FILETYPE_REGULAR_FILE)
        keep_first_view(&views);
    if (!error)
        error = in_parts(call, read_some, descriptor, &views, 0, &done);
    if (!error)
        guest_put32(call, arg32(call, 3), done);
    return error;
}

static bool write_may_block(const struct wasi *wasi, const struct descriptor *descriptor)
{
    bool file = descriptor->always_ready || descriptor->filetype == FILETYPE_REGULAR_FILE;
    bool blocks = descriptor->kind == DESCRIPTOR_STREAM || !(descriptor->fdflags & FDFLAG_NONBLOCK);
    return blocks && !file && (wasi->interrupted || is_socket(descriptor));
}

/* As much as goes without blocking. NOTSUP: the machine cannot tell. */
static wasi_errno write_now(struct descriptor *descriptor, const struct views *views,
                            uint32_t *done)
{
    if (is_socket(descriptor)) /* they never block */
        return host_write(descriptor->handle, views->items, views->count, done);
    wasi_errno error = host_write_now(descriptor->handle, views->items, views->count, done);
    if (error != ERRNO_NOTSUP || (!descriptor->room && !descriptor->cannot_room))
        return error == ERRNO_NOTSUP ? ERRNO_AGAIN : error;
    struct views part;
    if (descriptor->cannot_room || !part_of(views, 0, descriptor->room, &part))
        part = *views;
    error = host_write(descriptor->handle, part.items, part.count, done);
    if (!error)
        descriptor->room -= *done < descriptor->room ? (uint16_t)*done : descriptor->room;
    return error;
}

/* All of it, or less when Yadokari is asked to stop. */
static outcome write_waiting(struct wasi *wasi, struct descriptor *descriptor,
                             const struct views *views, uint32_t *done)
{
    struct views rest = *views;
    outcome error;
    do {
        uint32_t moved = 0;
        error = write_now(descriptor, &rest, &moved);
        *done += moved;
        if (error == ERRNO_AGAIN)
            error = wait_to_write(wasi, descriptor);
    } while (!error && part_of(views, *done, UINT32_MAX, &rest));
    return *done ? ERRNO_SUCCESS : error;
}

static outcome write_some(struct wasi *wasi, struct descriptor *descriptor,
                          const struct views *views, uint64_t offset, uint32_t *done)
{
    (void)offset;
    return write_may_block(wasi, descriptor)
               ? write_waiting(wasi, descriptor, views, done)
               : host_write(descriptor->handle, views->items, views->count, done);
}

/* A host without synchronous files: done after each write instead. */
static wasi_errno sync_written(const struct descriptor *descriptor)
{
    uint16_t missing = descriptor->fdflags & (uint16_t)~descriptor->in_force;
    if (descriptor->in_force & FDFLAG_SYNC)
        return ERRNO_SUCCESS;
    if (missing & (FDFLAG_SYNC | FDFLAG_RSYNC))
        return host_sync(descriptor->handle);
    return missing & FDFLAG_DSYNC ? host_datasync(descriptor->handle) : ERRNO_SUCCESS;
}

outcome wasi_fd_write(const struct call *call)
{
    struct descriptor *descriptor;
    struct views views;
    uint32_t done = 0;
    outcome error = prepare(call, RIGHT_FD_WRITE, arg32(call, 3), &descriptor, &views);
    if (!error)
        error = in_parts(call, write_some, descriptor, &views, 0, &done);
    if (!error)
        error = sync_written(descriptor);
    if (!error)
        guest_put32(call, arg32(call, 3), done);
    return error;
}

static outcome pread_some(struct wasi *wasi, struct descriptor *descriptor,
                          const struct views *views, uint64_t offset, uint32_t *done)
{
    (void)wasi;
    return host_pread(descriptor->handle, views->items, views->count, offset, done);
}

outcome wasi_fd_pread(const struct call *call)
{
    struct descriptor *descriptor;
    struct views views;
    uint32_t done = 0;
    outcome error =
        prepare(call, RIGHT_FD_READ | RIGHT_FD_SEEK, arg32(call, 4), &descriptor, &views);
    if (!error)
        error = in_parts(call, pread_some, descriptor, &views, arg64(call, 3), &done);
    if (!error)
        guest_put32(call, arg32(call, 4), done);
    return error;
}

static outcome pwrite_some(struct wasi *wasi, struct descriptor *descriptor,
                           const struct views *views, uint64_t offset, uint32_t *done)
{
    (void)wasi;
    return host_pwrite(descriptor->handle, views->items, views->count, offset, done);
}

outcome wasi_fd_pwrite(const struct call *call)
{
    struct descriptor *descriptor;
    struct views views;
    uint32_t done = 0;
    outcome error =
        prepare(call, RIGHT_FD_WRITE | RIGHT_FD_SEEK, arg32(call, 4), &descriptor, &views);
    if (!error)
        error = in_parts(call, pwrite_some, descriptor, &views, arg64(call, 3), &done);
    if (!error)
        error = sync_written(descriptor);
    if (!error)
        guest_put32(call, arg32(call, 4), done);
    return error;
}
