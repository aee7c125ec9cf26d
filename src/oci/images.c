#include "oci/images.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/output.h"

#define MAGIC_SERVICE 0x55105940u
#define MAGIC_STATS   0x57093306u
#define PAGE          4096u

static void field(struct buffer *message, unsigned number, uint64_t value)
{
    buffer_put_leb(message, number << 3); /* protobuf's varint */
    buffer_put_leb(message, value);
}

static bool write_in(const char *directory, const char *file, const void *data, size_t size,
                     struct error *error)
{
    char path[PATH_ROOM];
    return path_set(path, error, "%s/%s", directory, file) &&
           output_bytes(path, NULL, data, size, error);
}

/* `kind` is 1 for a dump and 2 for a restore. Frees the fields. */
static bool write_stats(const char *directory, const char *file, unsigned kind,
                        struct buffer *fields, struct error *error)
{
    struct buffer message = {0}, whole = {0};
    buffer_put_leb(&message, kind << 3 | 2); /* a message within this one */
    buffer_put_leb(&message, fields->size);
    buffer_put(&message, fields->data, fields->size);
    buffer_put_u32(&whole, MAGIC_SERVICE);
    buffer_put_u32(&whole, MAGIC_STATS);
    buffer_put_u32(&whole, (uint32_t)message.size);
    buffer_put(&whole, message.data, message.size);
    bool good = fields->failed || message.failed || whole.failed
                    ? error_set(error, ERROR_MEMORY, "no memory for %s", file)
                    : write_in(directory, file, whole.data, whole.size, error);
    buffer_free(fields);
    buffer_free(&message);
    buffer_free(&whole);
    return good;
}

static bool link_parent(const char *image_path, const char *parent, struct error *error)
{
    char path[PATH_ROOM];
    if (!parent)
        return true;
    return path_set(path, error, "%s/parent", image_path) &&
           (symlink(parent, path) == 0 || errno == EEXIST ||
            error_set(error, ERROR_IO, "cannot make the link %s: %s", path, strerror(errno)));
}

bool images_write(const char *image_path, const char *work_path, const char *parent,
                  const struct dump_stats *stats, const char *log, struct error *error)
{
    static const char inventory[] = "a snapshot of Yadokari's: guest.snap\n";
    const uint64_t written = (stats->bytes + PAGE - 1) / PAGE, all = stats->whole / PAGE;
    struct buffer fields = {0};
    field(&fields, 1, 0);
    field(&fields, 2, stats->microseconds);
    field(&fields, 3, stats->microseconds);
    field(&fields, 4, stats->microseconds);
    field(&fields, 5, all > written ? all : written);
    field(&fields, 6, all > written ? all - written : 0);
    field(&fields, 7, written);
    field(&fields, 9, 0);
    return write_stats(work_path, "stats-dump", 1, &fields, error) &&
           write_in(work_path, "dump.log", log, strlen(log), error) &&
           link_parent(image_path, parent, error) &&
           write_in(image_path, "inventory.img", inventory, strlen(inventory), error);
}

bool images_write_restore(const char *work_path, uint64_t microseconds, struct error *error)
{
    struct buffer fields = {0};
    for (unsigned number = 1; number <= 4; number++)
        field(&fields, number, number == 4 ? microseconds : 0);
    return write_stats(work_path, "stats-restore", 2, &fields, error);
}
