#include "cli/native/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

void line_put(struct buffer *text, const char *key, const char *value)
{
    buffer_put(text, key, strlen(key));
    buffer_put_u8(text, '=');
    for (; *value; value++)
        if (*value != '\n')
            buffer_put_u8(text, (uint8_t)*value);
    buffer_put_u8(text, '\n');
}

void line_put_number(struct buffer *text, const char *key, uint64_t value)
{
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)value);
    line_put(text, key, number);
}

uint64_t line_number(const char *text, const char *key)
{
    char number[24];
    return file_value(text, key, number, sizeof number) ? strtoull(number, NULL, 10) : 0;
}

/* The value of the line at `*text`, which moves on to the next one, if it is of that key. */
static const char *value_at(const char **text, const char *key, size_t *size)
{
    const char *line = *text;
    const size_t whole = strcspn(line, "\n"), length = strlen(key);
    *text = line + whole + (line[whole] == '\n');
    if (whole <= length || strncmp(line, key, length) != 0 || line[length] != '=')
        return NULL;
    *size = whole - length - 1;
    return line + length + 1;
}

static bool no_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "no memory for a message");
}

bool line_text(const char *text, const char *key, char **value, struct error *error)
{
    const char *found = NULL;
    size_t size = 0;
    *value = NULL;
    while (!found && *text)
        found = value_at(&text, key, &size);
    return !found || (*value = strndup(found, size)) || no_memory(error);
}

static bool add(struct list *values, const char *value, size_t size)
{
    const char **longer = realloc(values->items, (values->count + 1) * sizeof *longer);
    if (!longer)
        return false;
    values->items = longer;
    longer[values->count] = strndup(value, size);
    return longer[values->count] && ++values->count;
}

bool lines_list(const char *text, const char *key, struct list *values, struct error *error)
{
    while (*text) {
        size_t size = 0;
        const char *value = value_at(&text, key, &size);
        if (value && size > 0 && !add(values, value, size))
            return no_memory(error);
    }
    return true;
}

void lines_free(struct list *values)
{
    for (uint32_t i = 0; i < values->count; i++)
        free((void *)(uintptr_t)values->items[i]);
    free(values->items);
    *values = (struct list){0};
}
