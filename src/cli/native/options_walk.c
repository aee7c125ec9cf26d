#include "cli/native/options_walk.h"

#include <stdio.h>
#include <string.h>

#include "cli/option_table.h"

void setting_add(struct arguments *arguments, const struct setting *setting, const char *value)
{
    if (setting->value)
        arguments_add(arguments, "%s=%s", setting->name, value);
    else
        arguments_add(arguments, "%s", setting->name);
}

/* The texts in an option's member of the options; none when it is no text. */
static struct list texts_of(const struct option *option, struct options *options)
{
    void *field = (char *)options + option->offset;
    const char **text = field;
    switch (option->kind) {
    case TEXT: return (struct list){text, *text != NULL};
    case VARIABLE:
    case LIST: return *(const struct list *)field;
    case FLAG:
    case NUMBER:
    case SIZE:
    case DURATION:
    case CHOICE:
    case DIRECTORY: break;
    }
    return (struct list){0};
}

/* Of a number or choice, as it is written; "" when it is as if it had not been given. */
static void write_number(const struct option *option, const struct options *options, char text[80])
{
    uint64_t number;
    const char *choice = option->argument;
    memcpy(&number, (const char *)options + option->offset, sizeof number);
    text[0] = 0;
    if (number == 0)
        return;
    for (uint64_t i = 0; option->kind == CHOICE && i < number; i++)
        choice += strcspn(choice, "|") + 1;
    if (option->kind == CHOICE)
        snprintf(text, 80, "%.*s", (int)strcspn(choice, "|"), choice);
    else
        snprintf(text, 80, "%llu%s", (unsigned long long)number,
                 option->kind == DURATION ? "ns" : "");
}

struct walk {
    struct options options; /* a copy, whose members nobody changes */
    bool (*visit)(void *context, const struct setting *setting);
    void *context;
};

static bool visit(const struct walk *walk, const struct option *option, const char *value,
                  const char *directory)
{
    return walk->visit(walk->context,
                       &(struct setting){option->name, value, directory, option->traits});
}

static bool visit_option(struct walk *walk, const struct option *option)
{
    const struct options *options = &walk->options;
    const struct list texts = texts_of(option, &walk->options);
    char number[80];
    bool good = true;
    switch (option->kind) {
    case FLAG:
        return !*(const bool *)((const char *)options + option->offset) ||
               visit(walk, option, NULL, NULL);
    case DIRECTORY:
        for (uint32_t i = 0; good && i < options->guest.ndirs; i++)
            good = visit(walk, option, options->guest.dirs[i].host_path,
                         options->guest.dirs[i].guest_path);
        return good;
    case TEXT:
    case VARIABLE:
    case LIST:
        for (uint32_t i = 0; good && i < texts.count; i++)
            good = visit(walk, option, texts.items[i], NULL);
        return good;
    case NUMBER:
    case SIZE:
    case DURATION:
    case CHOICE: write_number(option, options, number);
    }
    return !*number || visit(walk, option, number, NULL);
}

bool options_walk(const struct options *options, int command, enum option_trait trait,
                  bool (*visit_)(void *context, const struct setting *setting), void *context)
{
    struct walk walk = {*options, visit_, context};
    bool good = true;
    for (const struct option *option = option_table; good && option->name; option++)
        if ((option->commands & command) && (option->traits & trait))
            good = visit_option(&walk, option);
    return good;
}

bool options_change(struct options *options, int command, enum option_trait trait,
                    bool (*change)(void *context, const char *name, const char **value),
                    void *context)
{
    bool good = true;
    for (const struct option *option = option_table; option->name; option++) {
        if (!(option->commands & command) || !(option->traits & trait))
            continue;
        const struct list texts = texts_of(option, options);
        for (uint32_t i = 0; good && i < texts.count; i++)
            good = change(context, option->name, &texts.items[i]);
    }
    return good;
}

bool option_travels(const char *argument)
{
    size_t length = strcspn(argument, "=");
    const struct option *option = option_find(argument, length, COMMAND_RESTORE);
    return option && (option->traits & OPTION_TRAVELS) &&
           (option->argument != NULL) == (argument[length] == '=');
}
