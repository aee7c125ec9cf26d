#include "cli/native/lines.h"

#include <stdio.h>
#include <stdlib.h>

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

void lines_of(const char *text, const char *key, void (*take)(void *context, const char *value),
              void *context)
{
    size_t length = strlen(key);
    while (*text) {
        size_t size = strcspn(text, "\n");
        if (size > length && strncmp(text, key, length) == 0 && text[length] == '=') {
            char *value = strndup(text + length + 1, size - length - 1);
            if (value)
                take(context, value);
            free(value);
        }
        text += size + (text[size] == '\n');
    }
}

void lines_add(void *list, const char *value)
{
    struct list *values = list;
    const char **longer = realloc(values->items, (values->count + 1) * sizeof *longer);
    if (!longer)
        return;
    values->items = longer;
    longer[values->count++] = strdup(value);
}

void lines_free(struct list *values)
{
    for (uint32_t i = 0; i < values->count; i++)
        free((void *)(uintptr_t)values->items[i]);
    free(values->items);
    *values = (struct list){0};
}
