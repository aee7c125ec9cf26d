/* fuzz_options.c - any words at all are read as a command line: the first byte says of which
 * subcommand, a NUL ends a word. What a walk makes of it is read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "cli/native/options_walk.h"

#define WORDS_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

struct made {
    struct arguments arguments;
    bool ambiguous; /* a directory whose own name would be taken for the "::" behind it */
};

static bool make(void *context, const struct setting *setting)
{
    struct made *made = context;
    size_t length = setting->directory ? strlen(setting->value) : 0;
    if (setting->directory) {
        made->ambiguous |= setting->value[length - 1] == ':';
        arguments_add(&made->arguments, "%s=%s::%s", setting->name, setting->value,
                      setting->directory);
    } else {
        setting_add(&made->arguments, setting, setting->value);
    }
    return true;
}

static void read_again(int command, const struct made *first, enum option_trait trait)
{
    const char *words[2 * WORDS_MAX + 64];
    struct made second = {0};
    struct options options;
    struct error error;
    for (size_t i = 0; i < first->arguments.count; i++)
        words[i] = first->arguments.list[i];
    require(
        options_parse(&options, (enum command)command, (int)first->arguments.count, words, &error));
    require(options_walk(&options, command, trait, make, &second));
    require(second.arguments.count == first->arguments.count && options.npositional == 0);
    for (size_t i = 0; i < first->arguments.count; i++)
        require(strcmp(first->arguments.list[i], second.arguments.list[i]) == 0);
    arguments_free(&second.arguments);
    options_free(&options);
}

static void walk(const struct options *options, int command, enum option_trait trait)
{
    struct made made = {0};
    require(options_walk(options, command, trait, make, &made));
    for (size_t i = 0; trait == OPTION_TRAVELS && i < made.arguments.count; i++)
        require(option_travels(made.arguments.list[i]));
    if (!made.ambiguous)
        read_again(command, &made, trait);
    arguments_free(&made.arguments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *words[WORDS_MAX];
    int count = 0;
    struct options options;
    struct error error;
    if (size == 0)
        return 0;
    int command = 1 << data[0] % 15; /* enum command */
    char *text = calloc(1, size);
    require(text != NULL);
    memcpy(text, data + 1, size - 1);
    for (size_t at = 0; at + 1 < size && count < WORDS_MAX; at += strlen(text + at) + 1)
        words[count++] = text + at;
    if (options_parse(&options, (enum command)command, count, words, &error)) {
        if (command & (COMMAND_RUN | COMMAND_RESTORE)) {
            walk(&options, command, OPTION_TRAVELS);
            walk(&options, command, OPTION_INSIDE);
        }
        walk(&options, command, OPTION_READ);
    }
    options_free(&options);
    free(text);
    return 0;
}
