/* file.h - whole files. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buffer.h"
#include "base/error.h"

/* Appends the file's bytes to `contents`. ERROR_IO names the file and the reason. */
bool file_read(const char *path, struct buffer *contents, struct error *error);

/* The same for what is to be a module, or a part of one: at most 4 GiB. */
static inline bool file_read_module(const char *path, struct buffer *contents, struct error *error)
{
    return file_read(path, contents, error) &&
           (contents->size <= UINT32_MAX ||
            error_set(error, ERROR_MALFORMED, "%s: larger than a module can be", path));
}

/* False for NULL as well. */
bool file_exists(const char *path);

/* Replaces a file as a whole by one that is its owner's only (base/output.h). */
bool file_write_bytes(const char *path, const void *data, size_t size, struct error *error);
bool file_write(const char *path, const char *text, struct error *error);

/* The line "key=value" in `text`: writes the value into `value` and returns it, or NULL. */
char *file_value(const char *text, const char *key, char *value, size_t size);

#endif
