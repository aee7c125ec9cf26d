/* names.c - a host's open file has no name that could be asked for. */
#include <string.h>

#include "host/files.h"
#include "host/wasi/resolve.h"

wasi_errno host_file_name(handle dir, handle file, struct path hint, char *name, uint32_t *size)
{
    struct resolved resolved;
    (void)file;
    wasi_errno error = hint.size ? resolve_path(dir, hint, LAST_FOLLOW, &resolved) : ERRNO_NOENT;
    if (error)
        return error;
    memcpy(name, resolved.data, resolved.size);
    *size = (uint32_t)resolved.size;
    return ERRNO_SUCCESS;
}

wasi_errno host_open_again(handle file, handle *again)
{
    (void)file;
    (void)again;
    return ERRNO_NOTSUP;
}
