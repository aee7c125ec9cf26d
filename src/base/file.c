#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/output.h"

static bool refuse(struct error *error, const char *what, const char *path)
{
    return error_set(error, ERROR_IO, "cannot %s %.700s: %s", what, path, strerror(errno));
}

bool file_exists(const char *path)
{
    struct stat stat_;
    return path && stat(path, &stat_) == 0;
}

static bool read_all(FILE *file, const char *path, struct buffer *contents, struct error *error)
{
    enum { PIECE = 1 << 16 };
    struct stat stat = {0};
    if (fstat(fileno(file), &stat) == 0 && S_ISDIR(stat.st_mode)) {
        errno = EISDIR;
        return refuse(error, "read", path);
    }
#ifndef __wasm__ /* a host may tell any size */
    /* room for all of it at once, or a large one would take half as much again */
    size_t room = (size_t)stat.st_size + PIECE;
    if (buffer_extend(contents, room))
        contents->size -= room;
#endif
    while (!feof(file)) {
        uint8_t *at = buffer_extend(contents, PIECE);
        if (!at)
            return error_set(error, ERROR_MEMORY, "no memory to read %s", path);
        contents->size -= PIECE - fread(at, 1, PIECE, file);
        if (ferror(file))
            return refuse(error, "read", path);
    }
    return true;
}

bool file_read(const char *path, struct buffer *contents, struct error *error)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return refuse(error, "open", path);
    bool good = read_all(file, path, contents, error);
    fclose(file);
    return good;
}

bool file_write_bytes(const char *path, const void *data, size_t size, struct error *error)
{
    return output_bytes(path, NULL, data, size, error);
}

bool file_write(const char *path, const char *text, struct error *error)
{
    return file_write_bytes(path, text, strlen(text), error);
}

char *file_value(const char *text, const char *key, char *value, size_t size)
{
    size_t length = strlen(key);
    while (text && *text) {
        if (strncmp(text, key, length) == 0 && text[length] == '=') {
            const char *start = text + length + 1;
            size_t count = strcspn(start, "\n");
            if (count >= size)
                return NULL;
            memcpy(value, start, count);
            value[count] = 0;
            return value;
        }
        text = strchr(text, '\n');
        if (text)
            text++;
    }
    return NULL;
}
