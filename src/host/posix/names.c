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

static ssize_t kernel_name(handle file, char name[MAX_NAME])
{
    char path[40];
    ssize_t size = readlink(self_path(file, path), name, MAX_NAME);
    return size < MAX_NAME ? size : -1;
}

/* Of a file that was deleted the kernel says so behind the name: the caller finds no such file. */
wasi_errno host_file_name(handle dir, handle file, struct path hint, char *name, uint32_t *size)
{
    char above[MAX_NAME], path[MAX_NAME];
    ssize_t above_size = kernel_name(dir, above), path_size = kernel_name(file, path);
    (void)hint;
    if (above_size == 1) /* the root */
        above_size = 0;
    if (above_size < 0 || path_size <= above_size + 1 || above_size + 1 >= MAX_NAME ||
        memcmp(above, path, (size_t)above_size) != 0 || path[above_size] != '/')
        return ERRNO_NOENT;
    *size = (uint32_t)(path_size - above_size - 1);
    memcpy(name, path + above_size + 1, *size);
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
