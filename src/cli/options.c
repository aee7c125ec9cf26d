#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cli/incoming.h"

/* How an option's value is stored. */
enum kind {
    FLAG,
    TEXT,
    NUMBER,
    SIZE,     /* bytes, with K, M or G behind it for the powers of 1,024 */
    DURATION, /* seconds, or with a unit behind it */
    CHOICE,   /* one of those that the argument names: its place among them */
    DIRECTORY,
    VARIABLE,
    LIST /* may be given again and again */
};

#ifdef __wasm__
#    define NATIVE(commands) 0
#else
#    define NATIVE(commands) (commands)
#endif
#define GUEST (COMMAND_RUN | COMMAND_RESTORE)
/* Those that write a snapshot, and those that read one: `run` reads a base. */
#define WRITE (GUEST | COMMAND_CHECKPOINT | COMMAND_SQUASH)
#define READ  (WRITE | COMMAND_INSPECT | COMMAND_DIFF | COMMAND_EXPORT)

static const struct option {
    const char *name;
    const char *argument; /* as help shows it; NULL for a flag */
    int commands;
    enum kind kind;
    size_t offset;
    const char *help; /* NULL: for the command's own use */
} table[] = {
#ifndef __wasm__
    {"--host", "HOST", GUEST, TEXT, offsetof(struct options, host),
     "where it runs: native (default) or one of `yado hosts`"},
    {"--host", "HOST", COMMAND_MIGRATE, TEXT, offsetof(struct options, host),
     "where it goes on: native (default) or one of `yado hosts`"},
    {"--to", "ssh://[USER@]MACHINE[:PORT]", COMMAND_MIGRATE, TEXT, offsetof(struct options, to),
     "another machine that has yado, by ssh"},
#endif
    {"--dir", "HOST[::GUEST]", GUEST | NATIVE(COMMAND_MIGRATE), DIRECTORY, 0,
     "a directory that the guest may use, and what it calls it"},
#ifdef YADO_LISTENS
    {"--listen", "ADDRESS:PORT", GUEST, LIST, offsetof(struct options, guest.listen),
     "a listening socket for the guest"},
#endif
    {"--env", "NAME=VALUE", COMMAND_RUN, VARIABLE, offsetof(struct options, guest.env),
     "a variable in the guest's environment"},
#ifndef __wasm__
    {"--tier", "interp|sealed|auto", GUEST, CHOICE, offsetof(struct options, tier),
     "interpreted, sealed (with --host), or interpreted until it is sealed"},
#endif
    {"--invoke", "NAME", COMMAND_RUN, TEXT, offsetof(struct options, guest.invoke),
     "call this exported function; ARGUMENTS are its own, its results are printed"},
#ifndef __wasm__
    {"--name", "NAME", GUEST, TEXT, offsetof(struct options, name),
     "what `yado ps` and `yado checkpoint` call it"},
#endif
    {"--module", "APP.wasm",
     COMMAND_RESTORE | COMMAND_INSPECT | NATIVE(COMMAND_EXPORT | COMMAND_DIFF), TEXT,
     offsetof(struct options, guest.module), "the guest's module, when it is not where it was"},
#ifdef YADO_SEALED
    {"--module", "APP.wasm", COMMAND_RUN, TEXT, offsetof(struct options, guest.module),
     "where the guest's module was before it was sealed, for the notes of snapshots"},
#endif
    {"--snapshot", "FILE", GUEST, TEXT, offsetof(struct options, snapshots.snapshot),
     "where a checkpoint is written"},
    {"--trigger", "FILE", GUEST, TEXT, offsetof(struct options, snapshots.trigger),
     "checkpoint when this file appears; it is removed when that is done"},
    {"--checkpoint-after", "N", GUEST, NUMBER, offsetof(struct options, snapshots.checkpoint_after),
     "checkpoint at the first safepoint after N units of fuel"},
#ifndef __wasm__
    {"--output", "FILE", COMMAND_CHECKPOINT, TEXT, offsetof(struct options, output),
     "where the snapshot goes (default: the run's --snapshot, or NAME.snap)"},
    {"--kept", NULL, COMMAND_PS, FLAG, offsetof(struct options, kept),
     "the snapshots that are kept of programs that ended before anybody had theirs"},
    {"--json", NULL, COMMAND_HOSTS, FLAG, offsetof(struct options, json), "for programs"},
    {"--module", "APP.wasm", COMMAND_HOSTS, TEXT, offsetof(struct options, guest.module),
     "with --json: the command that runs this module, with `--dir .`, in each host by itself"},
    {"--json", NULL, COMMAND_INSPECT, FLAG, offsetof(struct options, json),
     "everything that is in it, as JSON (docs/snapshot-format.md)"},
    {"--no-contents", NULL, COMMAND_INSPECT, FLAG, offsetof(struct options, no_contents),
     "with --json: without the bytes of memory, module and files"},
    {"--coredump", NULL, COMMAND_EXPORT, FLAG, offsetof(struct options, coredump),
     "as a WebAssembly core dump: stack, globals and memory, for debuggers"},
    {"--no-values", NULL, COMMAND_EXPORT, FLAG, offsetof(struct options, no_values),
     "frames without locals and operands, for wasmgdb (docs/cli.md)"},
    {"--output", "FILE", COMMAND_SQUASH, TEXT, offsetof(struct options, output), "where it goes"},
    {"--output", "FILE", COMMAND_EXPORT, TEXT, offsetof(struct options, output),
     "where it goes (default: FILE.coredump)"},
    {"--dir", "DIRECTORY", COMMAND_RECEIVE, DIRECTORY, 0,
     "a guest's directories must be this one or lie in it, or in another so given"},
    {"--ask", "TOKEN", COMMAND_RECEIVE, TEXT, offsetof(struct options, ask),
     "tell what became of a guest whose connection was cut; one that has not begun never will"},
    {"--detach", NULL, COMMAND_MIGRATE, FLAG, offsetof(struct options, detach),
     "with --to: its output goes to a file there, and `yado run` here ends"},
    {"--remote-yado", "COMMAND", COMMAND_MIGRATE, TEXT, offsetof(struct options, remote_yado),
     "with --to: yado's name there (default: yado)"},
    {"--link-timeout", "TIME", COMMAND_MIGRATE, DURATION, offsetof(struct options, link_timeout),
     "with --to: how long the connection may be silent (default: 15s)"},
#endif
#if defined YADO_SEALER || !defined __wasm__
    {"--output", "FILE", COMMAND_SEAL | COMMAND_BAKE, TEXT, offsetof(struct options, output),
     "where the module goes; also -o FILE"},
    {"-o", "FILE",
     COMMAND_SEAL | COMMAND_BAKE | NATIVE(COMMAND_CHECKPOINT | COMMAND_SQUASH | COMMAND_EXPORT),
     TEXT, offsetof(struct options, output), NULL},
    {"--features", "LIST", COMMAND_SEAL, TEXT, offsetof(struct options, features),
     "what its hosts have: bulk-memory, tail-calls, sign-extension, saturating, multi-memory"},
    {"--exact-fuel", NULL, COMMAND_SEAL, FLAG, offsetof(struct options, exact_fuel),
     "poll and count where the interpreter does (slower)"},
    {"--no-polls", NULL, COMMAND_SEAL, FLAG, offsetof(struct options, no_polls), NULL},
    {"--heap", "SIZE", COMMAND_SEAL, SIZE, offsetof(struct options, heap),
     "of the module's runtime (default: 16M); a snapshot to be restored has to fit into it"},
    {"--no-names", NULL, COMMAND_SEAL, FLAG, offsetof(struct options, no_names),
     "leave the functions' names out"},
    {"--runtime", "FILE", COMMAND_SEAL | COMMAND_BAKE, TEXT, offsetof(struct options, runtime),
     "yadokari-sealed.wasm, when it is not beside this command"},
    {"--with-base", "SNAPSHOT", COMMAND_BAKE, LIST, offsetof(struct options, snapshots.with_base),
     "a base of SNAPSHOT, when it is not where it was"},
#endif
    {"--leave-running", NULL, GUEST | NATIVE(COMMAND_CHECKPOINT), FLAG,
     offsetof(struct options, snapshots.leave_running), "go on after the checkpoint"},
    {"--base", "SNAPSHOT", GUEST | NATIVE(COMMAND_CHECKPOINT), TEXT,
     offsetof(struct options, snapshots.base), "write only what changed since this snapshot"},
    {"--with-base", "SNAPSHOT",
     COMMAND_RESTORE | NATIVE(COMMAND_DIFF | COMMAND_EXPORT | COMMAND_SQUASH), LIST,
     offsetof(struct options, snapshots.with_base), "a base of FILE, when it is not where it was"},
    {"--embed-module", NULL, GUEST | NATIVE(COMMAND_CHECKPOINT), FLAG,
     offsetof(struct options, snapshots.embed_module), "put the module into the snapshot"},
    {"--compress", NULL, GUEST | NATIVE(COMMAND_CHECKPOINT), FLAG,
     offsetof(struct options, snapshots.compress),
     "compress the guest's memory in the snapshot (LZ4)"},
#ifndef __wasm__
    {"--sign", "KEY", WRITE, TEXT, offsetof(struct options, snapshots.sign),
     "sign the snapshot by this secret key (`yado keygen` makes keys)"},
    {"--encrypt-to", "PUBKEY", WRITE, LIST, offsetof(struct options, snapshots.encrypt_to),
     "encrypt the snapshot to this public key; again and again for several readers"},
    {"--require-signature", "PUBKEY", READ, LIST,
     offsetof(struct options, snapshots.require_signature),
     "refuse a snapshot or base that is not signed by this key (or one of several)"},
    {"--decrypt-with", "KEY", READ, LIST, offsetof(struct options, snapshots.decrypt_with),
     "the secret key that an encrypted snapshot or base is opened with"},
#endif
    {"--files", "reference|verify|embed", GUEST | NATIVE(COMMAND_CHECKPOINT | COMMAND_MIGRATE),
     CHOICE, offsetof(struct options, snapshots.files),
     "open files: compared by size and time, by contents as well, or in the snapshot"},
    {"--embed", "DIR", GUEST | NATIVE(COMMAND_CHECKPOINT | COMMAND_MIGRATE), LIST,
     offsetof(struct options, snapshots.embed),
     "a directory of the guest's that travels in the snapshot, with all that is in it"},
    {"--accept-changed", NULL, COMMAND_RESTORE, FLAG,
     offsetof(struct options, guest.accept_changed),
     "go on with open files that are not as they were"},
    {"--overwrite", NULL, COMMAND_RESTORE, FLAG, offsetof(struct options, guest.overwrite),
     "files that travelled in the snapshot replace others of their name"},
    {"--clocks", "continue|jump", COMMAND_RESTORE, CHOICE, offsetof(struct options, guest.clocks),
     "whether the time since the snapshot counts for the monotonic clock and sleeps"},
    {"--verify", NULL, GUEST | NATIVE(COMMAND_CHECKPOINT), FLAG,
     offsetof(struct options, snapshots.verify),
     "restore the snapshot beside the guest before that ends; if it cannot be, the guest goes on"},
    {"--sync", NULL, GUEST | NATIVE(COMMAND_CHECKPOINT), FLAG,
     offsetof(struct options, snapshots.sync),
     "flush the snapshot to the disk: for crashes of the machine, not of the process"},
    {"--reproducible", NULL, GUEST, FLAG, offsetof(struct options, snapshots.reproducible),
     "leave out of the snapshot what differs between hosts (path, host, time)"},
    {"--canonical", NULL, GUEST, FLAG, offsetof(struct options, guest.canonical),
     "write values that are not needed any more as zero, as a sealed guest does"},
    {"--every", "TIME", GUEST, DURATION, offsetof(struct options, snapshots.every),
     "write --snapshot again and again while the guest runs: 10s, 500ms, 2m"},
    {"--keep", "N", GUEST, NUMBER, offsetof(struct options, snapshots.keep),
     "how many of those to keep: FILE, FILE.1 and so on (default: 3)"},
    {"--max-memory", "SIZE", GUEST, SIZE, offsetof(struct options, guest.max_memory),
     "the guest's memory: bytes, or with K, M or G; one that grows beyond it traps"},
    {"--max-stack", "SIZE", GUEST, SIZE, offsetof(struct options, guest.max_stack),
     "what all frames of the guest together may take (default: 4M)"},
    {"--max-fuel", "N", GUEST, NUMBER, offsetof(struct options, guest.max_fuel),
     "units of fuel that the guest may use, earlier runs included"},
    {"--timeout", "TIME", GUEST, DURATION, offsetof(struct options, guest.timeout),
     "how long the guest may run or wait from now on"},
#ifndef __wasm__
    {"--arg0", "TEXT", COMMAND_RUN, TEXT, offsetof(struct options, guest.arg0),
     "the guest's own name, its argument 0, instead of APP.wasm as it stands here"},
    {"--verbose", NULL, GUEST, FLAG, offsetof(struct options, verbose),
     "with --tier auto: tell when the guest changes over, and what that costs"},
#endif
    {"--show-fuel", NULL, GUEST, FLAG, offsetof(struct options, show_fuel),
     "print the units of fuel used, at the end, to standard error"},
    {"--teardown", "K", GUEST, NUMBER, offsetof(struct options, guest.teardown),
     "for tests: capture, destroy and rebuild the guest at every K-th unit of fuel"},
    {"--request", "FILE", GUEST, TEXT, offsetof(struct options, snapshots.request), NULL},
    {"--answer", "FILE", GUEST, TEXT, offsetof(struct options, snapshots.answer), NULL},
    {"--status-file", "FILE", GUEST, TEXT, offsetof(struct options, status_file), NULL},
    {"--standby", NULL, COMMAND_RESTORE, FLAG, offsetof(struct options, guest.standby), NULL},
#ifdef __wasm__
    {"--arg0", "TEXT", COMMAND_RUN, TEXT, offsetof(struct options, guest.arg0), NULL},
#endif
    {"--consume", NULL, COMMAND_RESTORE, FLAG, offsetof(struct options, guest.consume), NULL},
    {"--module-note", "TEXT", GUEST, TEXT, offsetof(struct options, guest.module_note), NULL},
    {"--base-note", "TEXT", GUEST, TEXT, offsetof(struct options, snapshots.base_note), NULL},
    {"--host-note", "TEXT", GUEST, TEXT, offsetof(struct options, snapshots.host_note), NULL},
};

/* A sealed module's guest is not named, so that its own options need a mark before them. */
#ifdef YADO_SEALED
#    define SEPARATOR "; what begins with - and is the program's own stands behind --"
#else
#    define SEPARATOR ""
#endif

static const struct option *find_option(const char *argument, size_t length, int command)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if ((table[i].commands & command) && strlen(table[i].name) == length &&
            memcmp(table[i].name, argument, length) == 0)
            return &table[i];
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

void options_forward(const struct options *options, enum command command,
                     void (*add)(void *context, const char *argument), void *context)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct option *option = &table[i];
        const char *field = (const char *)options + option->offset;
        char argument[80];
        uint64_t number;
        if (!(option->commands & (int)command))
            continue;
        if (option->kind == CHOICE) {
            const char *choice = option->argument;
            memcpy(&number, field, sizeof number);
            for (uint64_t j = 0; j < number; j++)
                choice += strcspn(choice, "|") + 1;
            snprintf(argument, sizeof argument, "%s=%.*s", option->name, (int)strcspn(choice, "|"),
                     choice);
            if (number)
                add(context, argument);
        } else if (option->kind == FLAG && *(const bool *)(const void *)field) {
            add(context, option->name);
        } else if (option->kind == NUMBER || option->kind == SIZE || option->kind == DURATION) {
            memcpy(&number, field, sizeof number);
            snprintf(argument, sizeof argument, "%s=%llu%s", option->name,
                     (unsigned long long)number, option->kind == DURATION ? "ns" : "");
            if (number)
                add(context, argument);
        }
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
    const struct option *option = find_option(argument, length, command);
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
    free(options->guest.env.items);
    free(options->guest.listen.items);
    free(options->snapshots.embed.items);
    free(options->snapshots.with_base.items);
    free(options->snapshots.encrypt_to.items);
    free(options->snapshots.require_signature.items);
    free(options->snapshots.decrypt_with.items);
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
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char left[48];
        if (!(table[i].commands & (int)command) || !table[i].help)
            continue;
        snprintf(left, sizeof left, "%s%s%s", table[i].name, table[i].argument ? " " : "",
                 table[i].argument ? table[i].argument : "");
        printf("  %-24s %s\n", left, table[i].help);
    }
    printf("  %-24s %s\n", "--help", "this text");
}
