#include "cli/native/asking.h"

#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "host/files.h"
#include "host/host.h"

#define ANSWER_ROOM  (64u << 10) /* bytes: an answer and a small snapshot */
#define FULL_SECONDS 5           /* without an answer, until the disk is looked at */

void asking_id(char id[REQUEST_ID_ROOM])
{
    uint8_t bytes[8] = {0};
    (void)host_random(bytes, sizeof bytes);
    hex_text(bytes, sizeof bytes, id);
}

bool asking_post(const struct registered *entry, const struct request *request, const char *text,
                 struct error *error)
{
    char path[REGISTRY_PATH_MAX];
    struct buffer lines = {0};
    bool good = !request->hold || file_write(request->hold, text, error);
    good = good && request_put(request, &lines, error) &&
           file_write_bytes(registry_path(entry, "request", path), lines.data, lines.size, error);
    if (!good && request->hold)
        unlink(request->hold);
    buffer_free(&lines);
    return good;
}

bool asking_answered(const struct registered *entry, const char *id, struct buffer *text)
{
    char path[REGISTRY_PATH_MAX], its[REQUEST_ID_ROOM];
    text->size = 0;
    if (!file_exists(registry_path(entry, "answer", path)) || !file_read(path, text, NULL))
        return false;
    buffer_put_u8(text, 0);
    return !text->failed && file_value((const char *)text->data, "id", its, sizeof its) &&
           strcmp(its, id) == 0;
}

bool asking_may_come(const struct registered *entry, uint64_t since, struct error *error)
{
    struct statvfs disk;
    return host_monotonic() - since < FULL_SECONDS * 1000000000ull ||
           statvfs(entry->directory, &disk) != 0 || disk.f_bavail * disk.f_frsize >= ANSWER_ROOM ||
           error_set(error, ERROR_IO, "guest %s cannot answer: the disk of %s is full", entry->name,
                     entry->directory);
}

bool asking_was_done(const struct buffer *text, struct error *error)
{
    char value[512] = "";
    const char *lines = (const char *)text->data;
    return file_value(lines, "ok", value, sizeof value) ||
           error_set(error, ERROR_IO, "%s",
                     file_value(lines, "error", value, sizeof value) ? value : "");
}
