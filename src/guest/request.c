#include "guest/request.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum kind { TEXT, FLAG, DIGIT, LIST };

static const struct field {
    char key[15];
    uint8_t kind;
    uint16_t offset;
} fields[] = {{"id", TEXT, offsetof(struct request, id)},
              {"snapshot", TEXT, offsetof(struct request, snapshot)},
              {"base", TEXT, offsetof(struct request, base)},
              {"base-note", TEXT, offsetof(struct request, base_note)},
              {"hold", TEXT, offsetof(struct request, hold)},
              {"embed", LIST, offsetof(struct request, embed)},
              {"files", DIGIT, offsetof(struct request, files)},
              {"leave-running", FLAG, offsetof(struct request, leave_running)},
              {"move", FLAG, offsetof(struct request, move)},
              {"embed-module", FLAG, offsetof(struct request, embed_module)},
              {"compress", FLAG, offsetof(struct request, compress)},
              {"sync", FLAG, offsetof(struct request, sync)},
              {"verify", FLAG, offsetof(struct request, verify)}};

enum { FIELDS = sizeof fields / sizeof *fields };

/* ---- writing */

#ifndef __wasm__
static void put_line(struct buffer *text, const char *key, const char *value, bool *fits)
{
    *fits &= strchr(value, '\n') == NULL;
    buffer_put(text, key, strlen(key));
    buffer_put_u8(text, '=');
    buffer_put(text, value, strlen(value));
    buffer_put_u8(text, '\n');
}

static void put_field(struct buffer *text, const struct field *field, const char *at, bool *fits)
{
    const struct list *list = (const struct list *)(const void *)at;
    const char *value = NULL;
    char digit[2] = {0};
    uint64_t number = 0;
    switch ((enum kind)field->kind) {
    case TEXT: memcpy(&value, at, sizeof value); break;
    case FLAG: value = *(const bool *)(const void *)at ? "1" : NULL; break;
    case DIGIT:
        memcpy(&number, at, sizeof number);
        digit[0] = (char)('0' + number);
        value = number ? digit : NULL;
        break;
    case LIST:
        for (uint32_t i = 0; i < list->count; i++)
            put_line(text, field->key, list->items[i], fits);
        break;
    }
    if (value)
        put_line(text, field->key, value, fits);
}

bool request_put(const struct request *request, struct buffer *text, struct error *error)
{
    bool fits = true;
    for (size_t i = 0; i < FIELDS; i++)
        put_field(text, &fields[i], (const char *)request + fields[i].offset, &fits);
    if (text->failed)
        return error_set(error, ERROR_MEMORY, "no memory for the request");
    return fits || error_set(error, ERROR_USAGE,
                             "a name with a line break in it cannot be said to a running guest");
}
#endif

/* ---- reading */

static bool append(struct list *list, const char *value)
{
    const char **longer = realloc(list->items, (list->count + 1) * sizeof *longer);
    if (!longer)
        return false;
    list->items = longer;
    longer[list->count++] = value;
    return true;
}

static bool store(char *at, const struct field *field, const char *value)
{
    uint64_t digit = (uint64_t)(value[0] - '0');
    switch ((enum kind)field->kind) {
    case TEXT: memcpy(at, &value, sizeof value); return true;
    case FLAG: *(bool *)(void *)at = true; return true;
    case DIGIT: memcpy(at, &digit, sizeof digit); return digit <= 9;
    default: return append((struct list *)(void *)at, value);
    }
}

/* The text is taken apart: its strings are the lines' values. Unknown lines are left out. */
bool request_read(struct request *request)
{
    buffer_put_u8(&request->text, 0);
    bool good = !request->text.failed;
    for (char *line = good ? (char *)request->text.data : NULL; line && *line && good;) {
        size_t length = strcspn(line, "\n"), name = strcspn(line, "=");
        bool last = line[length] == 0;
        line[length] = 0;
        for (size_t i = 0; name < length && i < FIELDS; i++)
            if (strlen(fields[i].key) == name && memcmp(fields[i].key, line, name) == 0)
                good &= store((char *)request + fields[i].offset, &fields[i], line + name + 1);
        line += length + !last;
    }
    return good && request->id;
}

bool request_take(struct request *request, const char *path)
{
    char taken[4200];
    *request = (struct request){0};
    if (!file_exists(path))
        return false;
    snprintf(taken, sizeof taken, "%s.taken", path);
    unlink(taken); /* not every host can replace a file */
    bool good =
        rename(path, taken) == 0 && file_read(taken, &request->text, NULL) && request_read(request);
    if (!good)
        request_free(request);
    return good;
}

void request_free(struct request *request)
{
    buffer_free(&request->text);
    free(request->embed.items);
    *request = (struct request){0};
}
