#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cli/incoming.h"
#include "cli/option_table.h"

/* A sealed module's guest is not named, so that its own options need a mark before them. */
#ifdef YADO_SEALED
#    define SEPARATOR "; what begins with - and is the program's own stands behind --"
#else
#    define SEPARATOR ""
#endif

const struct option *option_find(const char *name, size_t length, int command)
{
    for (const struct option *option = option_table; option->name; option++)
        if ((option->commands & command) && strlen(option->name) == length &&
            memcmp(option->name, name, length) == 0)
            return option;
    return NULL;
}

static bool parse_size(const char *text, uint64_t *value)
{
    static const char units[] = "KMG";
    const char *rest, *unit;
    if (!number_whole(text, value, &rest))
        return false;
    if (*rest == 0)
        return true;
    unit = strchr(units, *rest);
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (!unit || rest[1] || *value > UINT64_MAX >> shift)
        return false;
    *value <<= shift;
    return true;
}

static char *copy_text(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = 0;
    }
    return copy;
}

static bool add_directory(struct options *options, const char *value, struct error *error)
{
    size_t length = 0; /* up to "::"; strstr would add 1.5 KB to yadokari.wasm */
    while (value[length] && (value[length] != ':' || value[length + 1] != ':'))
        length++;
    const char *guest = value[length] ? value + length + 2 : value;
    if (length == 0 || *guest == 0)
        return error_set(error, ERROR_USAGE, "--dir %s: a path is empty", value);
    struct wasi_preopen *dirs =
        realloc(options->guest.dirs, (options->guest.ndirs + 1) * sizeof *dirs);
    if (!dirs)
        return error_set(error, ERROR_MEMORY, "no memory for the options");
    options->guest.dirs = dirs;
    struct wasi_preopen *made = &dirs[options->guest.ndirs++];
    *made = (struct wasi_preopen){copy_text(value, length), copy_text(guest, strlen(guest))};
    return (made->host_path && made->guest_path) ||
           error_set(error, ERROR_MEMORY, "no memory for the options");
}

static bool append(struct list *list, const char *value, struct error *error)
{
    const char **longer = realloc(list->items, (list->count + 1) * sizeof *longer);
    if (!longer)
        return error_set(error, ERROR_MEMORY, "no memory for the options");
    list->items = longer;
    longer[list->count++] = value;
    return true;
}

/* The place of `value` in a list such as "a|b|c". */
static bool store_choice(char *field, const struct option *option, const char *value,
                         struct error *error)
{
    const char *choice = option->argument ? option->argument : "";
    size_t length = strlen(value);
    for (uint64_t i = 0; *choice; i++, choice += *choice == '|') {
        size_t size = strcspn(choice, "|");
        if (size == length && memcmp(choice, value, size) == 0) {
            memcpy(field, &i, sizeof i);
            return true;
        }
        choice += size;
    }
    return error_set(error, ERROR_USAGE, "%s %s: not one of %s", option->name, value,
                     option->argument);
}

/* What a number must lie between. */
static bool check_number(const struct option *option, const char *text, uint64_t number,
                         struct error *error)
{
    uint64_t low = 1, high = UINT64_MAX;
    if (option->offset == offsetof(struct options, guest.max_stack))
        low = 4096, high = 1u << 30;
    else if (option->offset == offsetof(struct options, guest.max_memory))
        low = 1u << 16, high = (uint64_t)1 << 32;
    else if (option->offset == offsetof(struct options, heap))
        low = 1u << 20, high = (uint64_t)1 << 32;
    else if (option->offset == offsetof(struct options, snapshots.keep))
        high = 1000;
    return (number >= low && number <= high) ||
           error_set(error, ERROR_USAGE, "%s %s: not between %llu and %llu", option->name, text,
                     (unsigned long long)low, (unsigned long long)high);
}

static bool store_number(char *field, const struct option *option, const char *text,
                         struct error *error)
{
    uint64_t number = 0;
    const char *rest = "", *wanted = "a number above zero";
    bool good;
    if (option->kind == SIZE) {
        good = parse_size(text, &number);
        wanted = "a size such as 65536, 64K, 512M or 2G";
    } else if (option->kind == DURATION) {
        good = duration_parse(text, &number);
        wanted = "a time such as 10, 10s, 1.5s, 500ms or 2m";
    } else {
        good = number_whole(text, &number, &rest) && *rest == 0;
    }
    if (!good || number == 0)
        return error_set(error, ERROR_USAGE, "%s %s: not %s", option->name, text, wanted);
    memcpy(field, &number, sizeof number);
    return check_number(option, text, number, error);
}

static bool store(struct options *options, const struct option *option, const char *value,
                  struct error *error)
{
    char *field = (char *)options + option->offset;
    switch (option->kind) {
    case FLAG: *(bool *)(void *)field = true; return true;
    case TEXT:
        memcpy(field, &value, sizeof value);
        /* A function may be exported under the empty name. */
        return *value || option->offset == offsetof(struct options, guest.invoke) ||
               error_set(error, ERROR_USAGE, "%s: the value is empty", option->name);
    case DIRECTORY: return add_directory(options, value, error);
    case VARIABLE:
        if (*value == '=' || !strchr(value, '='))
            return error_set(error, ERROR_USAGE, "--env %s: not of the form NAME=VALUE", value);
        return append((struct list *)(void *)field, value, error);
    case CHOICE: return store_choice(field, option, value, error);
    case LIST: return append((struct list *)(void *)field, value, error);
    default: return store_number(field, option, value, error);
    }
}

/* One option at argv[*i]; *i moves over its value. */
static bool parse_option(struct options *options, enum command command, int argc, const char **argv,
                         int *i, struct error *error)
{
    const char *argument = argv[*i], *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
        options->help = true;
        return true;
    }
    const struct option *option = option_find(argument, length, command);
    if (!option)
        return error_set(error, ERROR_USAGE, "unknown option %.*s (see --help" SEPARATOR ")",
                         (int)length, argument);
    if (!option->argument && equals)
        return error_set(error, ERROR_USAGE, "%s takes no value", option->name);
    const char *value = equals ? equals + 1 : "";
    if (option->argument && !equals) {
        if (*i + 1 >= argc)
            return error_set(error, ERROR_USAGE, "%s needs a value: %s", option->name,
                             option->argument);
        value = argv[++*i];
    }
    return store(options, option, value, error);
}

bool options_parse(struct options *options, enum command command, int argc, const char **argv,
                   struct error *error)
{
    *options = (struct options){
        .guest.max_stack = DEFAULT_STACK_SIZE, .snapshots.keep = 3, .link_timeout = 15000000000u};
#ifndef __wasm__
    options->snapshots.read = envelopes_read;
#endif
    int i = 0;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        if (!parse_option(options, command, argc, argv, &i, error))
            return false;
    }
    options->positional = argv + i;
    options->npositional = argc - i;
    if (command == COMMAND_RUN)
        return true;
    /* Elsewhere options may also follow the arguments: they are moved before them. */
    int kept = 0;
    for (int j = i; j < argc; j++) {
        if (argv[j][0] != '-')
            argv[i + kept++] = argv[j];
        else if (!parse_option(options, command, argc, argv, &j, error))
            return false;
    }
    options->npositional = kept;
    return true;
}

void options_free(struct options *options)
{
    for (uint32_t i = 0; i < options->guest.ndirs; i++) {
        free((void *)(uintptr_t)options->guest.dirs[i].host_path);
        free((void *)(uintptr_t)options->guest.dirs[i].guest_path);
    }
    free(options->guest.dirs);
    for (const struct option *option = option_table; option->name; option++) {
        if (option->kind != LIST && option->kind != VARIABLE)
            continue;
        struct list *list = (struct list *)(void *)((char *)options + option->offset);
        free(list->items);
        *list = (struct list){0}; /* some are in the table twice */
    }
}

void options_help(enum command command)
{
    static const struct {
        enum command command;
        const char *text;
    } usages[] = {
        {COMMAND_RUN, "usage: yado run [OPTIONS] APP.wasm [ARGUMENTS]\n\n"
                      "Runs a WebAssembly program so that it can be checkpointed at any moment.\n"},
        {COMMAND_RESTORE, "usage: yado restore [OPTIONS] FILE\n\n"
                          "Continues a program from a snapshot, on any host.\n"},
        {COMMAND_INSPECT, "usage: yado inspect [OPTIONS] FILE\n\n"
                          "Shows what is in a snapshot.\n"},
#ifndef __wasm__
        {COMMAND_CHECKPOINT, "usage: yado checkpoint [OPTIONS] NAME\n\n"
                             "Writes the snapshot of a running program, which then ends.\n"},
        {COMMAND_EXPORT, "usage: yado export --coredump [OPTIONS] FILE\n\n"
                         "Writes a snapshot in a form that other tools read.\n"},
        {COMMAND_DIFF, "usage: yado diff [OPTIONS] FILE FILE\n\n"
                       "Tells what changed between two snapshots of one program. Ends with 0 when\n"
                       "they are equal but for their notes, with 1 when not.\n"},
        {COMMAND_SQUASH, "usage: yado squash --output FILE [OPTIONS] SNAPSHOT\n\n"
                         "Makes one snapshot of one that has a base, and its bases.\n"},
        {COMMAND_MIGRATE,
         "usage: yado migrate [OPTIONS] NAME\n\n"
         "Moves a running program to another host or machine. Its standard streams "
         "and its\nexit code stay those of the `yado run` that started it.\n"},
        {COMMAND_RECEIVE, "usage: yado receive [OPTIONS]\n\n"
                          "The other end of `yado migrate --to`, which starts it by ssh.\n"},
        {COMMAND_KEYGEN,
         "usage: yado keygen NAME\n\n"
         "Makes a pair of keys: NAME.key, the secret one, for --sign and\n"
         "--decrypt-with, and NAME.pub for --require-signature and --encrypt-to.\n"},
        {COMMAND_PS, "usage: yado ps [--kept]\n\nLists the programs that run here.\n"},
        {COMMAND_RM, "usage: yado rm ID...\n\n"
                     "Removes snapshots that `yado ps --kept` lists. Nothing else ever does.\n"},
        {COMMAND_HOSTS, "usage: yado hosts [OPTIONS]\n\n"
                        "Lists the hosts, their versions and what each supports.\n"},
#endif
#if defined YADO_SEALER || !defined __wasm__
        {COMMAND_SEAL, "usage: yado seal [OPTIONS] APP.wasm -o APP.sealed.wasm\n\n"
                       "Makes a module that any host runs at its own speed, and that can be\n"
                       "checkpointed and restored as APP.wasm can in the interpreter.\n"},
        {COMMAND_BAKE, "usage: yado bake [OPTIONS] APP.sealed.wasm SNAPSHOT -o SNAP.wasm\n\n"
                       "Makes a module that goes on from a snapshot when it is run.\n"},
#endif
    };
    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++)
        if (usages[i].command == command)
            printf("%s\noptions:\n", usages[i].text);
    for (const struct option *option = option_table; option->name; option++) {
        char left[48];
        if (!(option->commands & (int)command) || !option->help)
            continue;
        snprintf(left, sizeof left, "%s%s%s", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
        printf("  %-24s %s\n", left, option->help);
    }
    printf("  %-24s %s\n", "--help", "this text");
}
