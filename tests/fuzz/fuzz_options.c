/* fuzz_options.c - any words at all as options of any command; and those that travel, whatever they
 * were, are understood where they come to and mean the same there. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS = 32 };

struct words {
    const char *items[WORDS];
    int count;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool collect(void *context, const struct option_value *value)
{
    struct words *words = context;
    struct buffer word = {0};
    if (words->count == WORDS)
        return false;
    text_add(&word, value->text ? "%s=%s" : "%s", value->name, value->text ? *value->text : "");
    require(!word.failed && option_travels((const char *)word.data));
    words->items[words->count++] = (const char *)word.data;
    return true;
}

static void go_on(struct options *options)
{
    struct options there;
    struct words words = {0};
    struct error error;
    if (options_visit(options, COMMAND_RESTORE, OPTION_TRAVELS, collect, &words)) {
        require(options_parse(&there, COMMAND_RESTORE, words.count, words.items, &error));
        require(there.snapshots.every == options->snapshots.every &&
                there.snapshots.keep == options->snapshots.keep &&
                there.snapshots.files == options->snapshots.files &&
                there.guest.timeout == options->guest.timeout &&
                there.guest.max_memory == options->guest.max_memory && there.tier == options->tier);
        options_free(&there);
    }
    for (int i = 0; i < words.count; i++)
        free((void *)(uintptr_t)words.items[i]);
}

/* The first byte: which command; then words, each ended by a zero. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct options options;
    struct error error;
    struct words words = {0};
    if (size < 2)
        return 0;
    const enum command command = (enum command)(1 << data[0] % 15);
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    for (size_t at = 0; at < size && words.count < WORDS; at += strlen(text + at) + 1)
        words.items[words.count++] = text + at;
    if (options_parse(&options, command, words.count, words.items, &error) &&
        command == COMMAND_RESTORE)
        go_on(&options);
    options_free(&options);
    free(text);
    return 0;
}
