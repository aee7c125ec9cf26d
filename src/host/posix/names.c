/* names.c - what the kernel knows of an open file besides its number. */
#ifndef _GNU_SOURCE
#    define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/files.h"
#include "host/posix/posix.h"

enum { MAX_NAME = 4096 };

static char *self_path(handle file, char path[40])
{
    snprintf(path, 40, "/proc/self/fd/%d", file);
    return path;
}

/* With a slash at its end; 0 when there is none. */
static size_t kernel_name(handle file, char name[MAX_NAME + 1])
{
    char path[40];
    ssize_t size = readlink(self_path(file, path), name, MAX_NAME);
    if (size <= 0 || size >= MAX_NAME)
        return 0;
    if (name[size - 1] != '/')
        name[size++] = '/';
    return (size_t)size;
}

/* Of a file that was deleted the kernel says so behind the name: the caller finds no such file. */
wasi_errno host_file_name(handle dir, handle file, struct path hint, char *name, uint32_t *size)
{
    char above[MAX_NAME + 1], path[MAX_NAME + 1];
    size_t above_size = kernel_name(dir, above), path_size = kernel_name(file, path);
    (void)hint;
    if (above_size == 0 || path_size < above_size || memcmp(above, path, above_size) != 0)
        return ERRNO_NOENT;
    bool itself = path_size == above_size;
    *size = itself ? 1 : (uint32_t)(path_size - above_size - 1);
    memcpy(name, itself ? "." : path + above_size, *size);
    return ERRNO_SUCCESS;
}

wasi_errno host_open_again(handle file, handle *again)
{
    char path[40];
    int opened = open(self_path(file, path), O_RDONLY | O_CLOEXEC);
    if (opened < 0)
        return last_errno();
    *again = opened;
    return ERRNO_SUCCESS;
}
