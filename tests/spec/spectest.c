/* spectest.c - runs scripts that convert.py made of the official test suite, and those of
 * tests/fuzz/smith.py.
 *
 *     spectest [--teardown K] [--stack BYTES] [--fuel UNITS] [--verbose] FILE.script...
 *
 * Runs natively and, as spectest.wasm, inside any host. Exit code 1 when an assertion fails. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/streams.h"
#include "subject.h"
#include "values.h"

#define STACK_SIZE (1u << 20)
#define TORN_STACK_SIZE \
    (1u << 16) /* an exhaustion costs the square of it, torn down all the time */
#define WORDS_MAX 4096

static const char usage[] =
    "usage: spectest [--teardown K] [--stack BYTES] [--fuel UNITS] [--verbose] FILE.script...\n"
    "\n"
    "  --teardown K   every K units of fuel: write the instance to bytes, destroy and rebuild it\n"
    "  --stack BYTES  the guest's stack\n"
    "  --fuel UNITS   what a call may use\n"
    "  --verbose      a line for each script\n";

struct counts {
    unsigned passed, failed;
    unsigned text;   /* assertions on the text format */
    unsigned torn;   /* of those passed: on an instance that was being torn down */
    unsigned linked; /* of those passed: on one that was not, since others share it */
};

struct registration {
    struct span name;
    struct subject *subject;
    struct registration *next;
};

/* One script's state. */
struct script {
    const char *path;
    const char *line; /* number in the .wast file */
    char *words[WORDS_MAX];
    unsigned nwords;
    struct settings settings;
    struct work *work;
    struct counts counts;
    struct spectest *spectest;       /* that of instances which are not torn down */
    struct subject *subjects;        /* all, latest first */
    struct subject *current;         /* the latest module's; NULL when it failed */
    struct registration *names;      /* by the script's names of modules */
    struct registration *registered; /* by `register` */
    bool shared; /* the present assertion is on an instance that is not torn down */
};

/* Messages. */

static bool fail(struct script *script, const char *what, const char *detail)
{
    printf("%s: line %s: %s: %s\n", script->path, script->line, what, detail);
    return false;
}

static bool fail_error(struct script *script, const char *what, const struct error *error)
{
    return fail(script, what, error->message);
}

/* Strings and names of scripts, decoded in place of their digits. */

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static struct span string(char *word)
{
    uint8_t *to = (uint8_t *)word;
    uint32_t size = (uint32_t)(strlen(word) / 2);
    for (uint32_t i = 0; i < size; i++)
        to[i] = (uint8_t)(digit(word[2 * i + 1]) << 4 | digit(word[2 * i + 2]));
    return (struct span){to, size};
}

static struct subject *find(const struct registration *at, struct span name)
{
    for (; at; at = at->next)
        if (at->name.size == name.size && memcmp(at->name.data, name.data, name.size) == 0)
            return at->subject;
    return NULL;
}

static bool add(struct script *script, struct registration **list, struct span name,
                struct subject *subject)
{
    struct registration *entry = malloc(sizeof *entry);
    if (!entry)
        return fail(script, "register", "no memory");
    *entry = (struct registration){name, subject, *list};
    *list = entry;
    return true;
}

static struct subject *subject_of(struct script *script, char *word)
{
    struct subject *subject = script->current;
    if (*word != '-')
        subject = find(script->names, string(word));
    if (!subject)
        fail(script, "module", "there is none");
    return subject;
}

/* Linking. */

static bool import_from_spectest(struct script *script, struct subject *subject,
                                 const struct import *import, struct extern_value *value,
                                 struct error *error)
{
    struct spectest *spectest = script->spectest;
    char name[64];
    if (subject_is_torn(subject)) {
        if (!subject->spectest && !spectest_create(&subject->spectest, error))
            return false;
        spectest = subject->spectest;
        spectest->stops = true;
    }
    snprintf(name, sizeof name, "%.*s", (int)import->name.size, (const char *)import->name.data);
    if (spectest_export(spectest, import->kind, name, value))
        return true;
    for (int kind = EXTERN_FUNC; kind <= EXTERN_GLOBAL; kind++)
        if (spectest_export(spectest, (enum externkind)kind, name, value))
            return true;
    return error_set(error, ERROR_LINK, "unknown import");
}

static bool import_one(void *context, struct subject *subject, const struct import *import,
                       struct extern_value *value, struct error *error)
{
    struct script *script = context;
    if (span_is(import->module, "spectest"))
        return import_from_spectest(script, subject, import, value, error);
    struct subject *from = find(script->registered, import->module);
    const struct export *export = from ? subject_export(from, import->name) : NULL;
    if (!export)
        return error_set(error, ERROR_LINK, "unknown import");
    subject_extern(from, export, value);
    from->linked = true;
    return true;
}

/* An instance that imports from another one is not torn down, nor does it have a `spectest` of its
 * own: known before anything is linked. */
static bool is_linked(const struct module *module)
{
    for (uint32_t i = 0; i < module->nimports; i++)
        if (!span_is(module->imports[i].module, "spectest"))
            return true;
    return false;
}

/* The path of a file that is named relative to the script's folder. */
static void beside(const struct script *script, const char *file, char *path, size_t size)
{
    const char *slash = strrchr(script->path, '/');
    snprintf(path, size, "%.*s%s", slash ? (int)(slash - script->path + 1) : 0, script->path, file);
}

/* Makes an instance of the module in a file beside the script. The subject is the script's whatever
 * comes of it: an instance whose start trapped may have left its functions in others' tables. */
static struct subject *make(struct script *script, const char *file, bool *good,
                            struct error *error)
{
    char path[4096];
    struct subject *subject = calloc(1, sizeof *subject);
    *good = false;
    if (!subject) {
        error_set(error, ERROR_MEMORY, "no memory");
        return NULL;
    }
    *subject = (struct subject){
        .next = script->subjects, .settings = &script->settings, .work = script->work};
    script->subjects = subject;
    beside(script, file, path, sizeof path);
    if (subject_load(subject, path, error)) {
        subject->linked = is_linked(&subject->module);
        *good = subject_instantiate(subject, import_one, script, error);
    }
    script->shared = subject->linked;
    return subject;
}

/* Commands. Words: 0 the command, 1 the line, then as in convert.py. */

static bool do_module(struct script *script)
{
    struct error error = {0};
    bool good;
    struct subject *subject = make(script, script->words[3], &good, &error);
    script->current = good ? subject : NULL;
    if (!good)
        return fail_error(script, "module", &error);
    return *script->words[2] == '-' ||
           add(script, &script->names, string(script->words[2]), subject);
}

static bool do_register(struct script *script)
{
    struct subject *subject = subject_of(script, script->words[2]);
    return subject && add(script, &script->registered, string(script->words[3]), subject);
}

/* Makes the call that the words from `at` describe: NAME STRING VALUES, up to the end or a "=".
 * Returns the index of the word after it, or 0. */
static unsigned do_call(struct script *script, unsigned at, struct outcome *outcome)
{
    union value arguments[256] = {0};
    unsigned count = 0;
    valtype type;
    struct error error = {0};
    struct subject *subject = subject_of(script, script->words[at]);
    *outcome = (struct outcome){0};
    if (!subject)
        return 0;
    const struct export *export = subject_export(subject, string(script->words[at + 1]));
    if (!export || export->kind != EXTERN_FUNC) {
        fail(script, "call", "no such function is exported");
        return 0;
    }
    for (at += 2; at < script->nwords && strcmp(script->words[at], "=") != 0; at++)
        if (count < 256 && value_parse(script->words[at], &type, &arguments[count])) {
            count++;
        } else {
            fail(script, "call: argument", script->words[at]);
            return 0;
        }
    script->shared = subject->linked;
    if (module_functype(&subject->module, export->index)->nparams != count) {
        fail(script, "call", "another number of parameters");
        return 0;
    }
    if (!subject_call(subject, export->index, arguments, outcome, &error)) {
        fail_error(script, "call", &error);
        script->current = NULL; /* torn down and not rebuilt */
        return 0;
    }
    return at;
}

/* As the reference interpreter does, but an expected message may also say more than ours: it has
 * the number of the element here and there. */
static bool check_message(struct script *script, struct span expected, const char *got)
{
    char text[512];
    size_t common = strlen(got) < expected.size ? strlen(got) : expected.size;
    if (common > 0 && memcmp(expected.data, got, common) == 0)
        return true;
    snprintf(text, sizeof text, "expected \"%.*s\", got \"%s\"", (int)expected.size,
             (const char *)expected.data, got);
    return fail(script, "message", text);
}

/* Whether `value` is the function that the subject exports under the name in "funcref:STRING". */
static bool is_exported(const struct subject *subject, const char *pattern, union value value)
{
    static const char start[] = "funcref:x";
    char name[4096];
    uint32_t funcidx;
    if (strncmp(pattern, start, sizeof start - 1) != 0 || value.ref == 0)
        return false;
    snprintf(name, sizeof name, "%s", pattern + sizeof start - 2);
    const struct export *export = subject_export(subject, string(name));
    return export && export->kind == EXTERN_FUNC &&
           funcref_index(subject->instance, value.ref, &funcidx) && funcidx == export->index;
}

static bool check_value(struct script *script, const struct subject *subject, const char *pattern,
                        valtype type, union value value)
{
    char got[128], text[512];
    if (value_matches(pattern, type, value) ||
        (type == TYPE_FUNCREF && is_exported(subject, pattern, value)))
        return true;
    value_print(type, value, got, sizeof got);
    snprintf(text, sizeof text, "expected %s, got %s", pattern, got);
    return fail(script, "result", text);
}

static bool check_outcome(struct script *script, unsigned at, const struct outcome *outcome)
{
    if (outcome->status != RUN_DONE)
        return fail(script, "trap", outcome->message);
    if (outcome->type->nresults != script->nwords - at)
        return fail(script, "results", "another number of them");
    for (unsigned i = 0; i < outcome->type->nresults; i++)
        if (!check_value(script, outcome->subject, script->words[at + i],
                         outcome->type->types[outcome->type->nparams + i], outcome->results[i]))
            return false;
    return true;
}

static bool do_invoke(struct script *script)
{
    struct outcome outcome;
    bool good = do_call(script, 2, &outcome) != 0;
    if (good && outcome.status != RUN_DONE)
        good = fail(script, "trap", outcome.message);
    outcome_free(&outcome);
    return good;
}

static bool do_return(struct script *script)
{
    struct outcome outcome;
    unsigned at = do_call(script, 2, &outcome);
    bool good = at != 0 && check_outcome(script, at + 1, &outcome);
    outcome_free(&outcome);
    return good;
}

/* A call that may come to any end; its module is not to be used any more. */
static bool do_try(struct script *script)
{
    struct outcome outcome;
    uint64_t fuel = script->settings.fuel;
    script->settings.fuel = strtoull(script->words[2], NULL, 10);
    bool good = do_call(script, 3, &outcome) != 0;
    script->settings.fuel = fuel;
    outcome_free(&outcome);
    script->current = NULL;
    return good;
}

/* The export of that kind that the words 2 and 3 name, and whose it is. */
static const struct export *named(struct script *script, enum externkind kind,
                                  struct subject **subject)
{
    *subject = subject_of(script, script->words[2]);
    if (!*subject)
        return NULL;
    const struct export *export = subject_export(*subject, string(script->words[3]));
    script->shared = (*subject)->linked;
    if (export && export->kind == kind)
        return export;
    fail(script, script->words[0], "none of that name is exported");
    return NULL;
}

static bool do_get(struct script *script)
{
    struct subject *subject;
    const struct export *export = named(script, EXTERN_GLOBAL, &subject);
    if (!export)
        return false;
    const struct global_instance *global = subject->instance->globals[export->index];
    return check_value(script, subject, script->words[5], global->type.type, global->value);
}

static bool do_table(struct script *script)
{
    struct subject *subject;
    const struct export *export = named(script, EXTERN_TABLE, &subject);
    if (!export)
        return false;
    const struct table *table = subject->instance->tables[export->index];
    if (table->size != script->nwords - 5)
        return fail(script, "table", "another size");
    for (uint32_t i = 0; i < table->size; i++)
        if (!check_value(script, subject, script->words[5 + i], table->type.element,
                         (union value){.ref = table->elements[i]}))
            return false;
    return true;
}

/* Holds `bytes`, with zeros up to its size, against a memory. */
static bool check_bytes(struct script *script, const struct memory *memory,
                        const struct buffer *bytes)
{
    char text[128];
    for (uint64_t i = 0; i < memory->size; i++) {
        unsigned expected = i < bytes->size ? bytes->data[i] : 0;
        if (memory->base[i] == expected)
            continue;
        snprintf(text, sizeof text, "at %" PRIu64 ": expected %u, got %u", i, expected,
                 memory->base[i]);
        return fail(script, "memory", text);
    }
    return bytes->size <= memory->size || fail(script, "memory", "the file is larger");
}

static bool do_memory(struct script *script)
{
    struct subject *subject;
    struct buffer bytes = {0};
    struct error error = {0};
    char path[4096];
    if (!named(script, EXTERN_MEMORY, &subject))
        return false;
    const struct memory *memory = subject->instance->memory;
    if (memory->pages != strtoul(script->words[5], NULL, 10))
        return fail(script, "memory", "another size");
    beside(script, script->words[6], path, sizeof path);
    bool good = file_bytes(path, &bytes, &error) ? check_bytes(script, memory, &bytes)
                                                 : fail_error(script, "memory", &error);
    buffer_free(&bytes);
    return good;
}

/* The frames from word `at` on against the innermost ones of a trap. */
static bool check_trace(struct script *script, unsigned at, const struct outcome *outcome)
{
    const char *got = (const char *)outcome->trace.data;
    char text[128];
    for (; at < script->nwords; at++) {
        const char *expected = script->words[at];
        size_t size = strcspn(got, " "), common = strlen(expected);
        bool anywhere = expected[common - 1] == ':';
        if (common > size || strncmp(got, expected, common) != 0 || (common < size && !anywhere)) {
            snprintf(text, sizeof text, "expected a frame at %s, got %.*s", expected, (int)size,
                     got);
            return fail(script, "backtrace", text);
        }
        got += size + 1;
    }
    return true;
}

static bool do_trap(struct script *script)
{
    struct outcome outcome;
    struct span message = string(script->words[2]);
    unsigned at = do_call(script, 3, &outcome);
    bool good = at != 0;
    if (good)
        good = outcome.status == RUN_TRAP ? check_message(script, message, outcome.message) &&
                                                check_trace(script, at + 1, &outcome)
                                          : fail(script, "trap", "there was none");
    outcome_free(&outcome);
    return good;
}

/* Assertions that a module is refused, and why. A feature that is not supported is a reason of its
 * own: what one version of the specification calls malformed, a later one may give a meaning. */
static bool do_refused(struct script *script)
{
    const char *command = script->words[0];
    struct error error = {0};
    bool good;
    struct subject *subject = make(script, script->words[3], &good, &error);
    if (good)
        return fail(script, command, "the module was accepted");
    if (error.kind == ERROR_UNSUPPORTED)
        return true;
    if (strcmp(command, "malformed") == 0)
        return error.kind == ERROR_MALFORMED || fail_error(script, "not as malformed", &error);
    if (strcmp(command, "invalid") == 0)
        return error.kind == ERROR_INVALID || fail_error(script, "not as invalid", &error);
    if (!subject || !subject->loaded)
        return fail_error(script, "not loaded", &error);
    bool unlinkable = strcmp(command, "unlinkable") == 0;
    if (error.kind != (unlinkable ? ERROR_LINK : ERROR_TRAP))
        return fail_error(script, "for another reason", &error);
    return check_message(script, string(script->words[2]), error.message);
}

static bool do_text(struct script *script)
{
    script->counts.text++;
    return true;
}

static const struct command {
    const char *name;
    unsigned min_words;
    bool (*run)(struct script *script);
    enum { SETUP, MODULE_ASSERTION, CALL_ASSERTION } kind;
} commands[] = {
    {"module", 4, do_module, SETUP},
    {"register", 4, do_register, SETUP},
    {"invoke", 4, do_invoke, SETUP},
    {"text", 2, do_text, SETUP},
    {"return", 5, do_return, CALL_ASSERTION},
    {"try", 5, do_try, SETUP},
    {"get", 6, do_get, CALL_ASSERTION},
    {"table", 5, do_table, CALL_ASSERTION},
    {"memory", 7, do_memory, CALL_ASSERTION},
    {"trap", 5, do_trap, CALL_ASSERTION},
    {"exhaustion", 5, do_trap, CALL_ASSERTION},
    {"malformed", 4, do_refused, MODULE_ASSERTION},
    {"invalid", 4, do_refused, MODULE_ASSERTION},
    {"unlinkable", 4, do_refused, MODULE_ASSERTION},
    {"uninstantiable", 4, do_refused, MODULE_ASSERTION},
};

static const struct command *command_of(const struct script *script)
{
    for (size_t i = 0; script->nwords && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(script->words[0], commands[i].name) == 0 &&
            script->nwords >= commands[i].min_words)
            return &commands[i];
    return NULL;
}

static void run_line(struct script *script, char *line)
{
    script->nwords = 0;
    for (char *at = strtok(line, " "); at && script->nwords < WORDS_MAX; at = strtok(NULL, " "))
        script->words[script->nwords++] = at;
    const struct command *command = command_of(script);
    script->line = script->nwords > 1 ? script->words[1] : "?";
    script->shared = true;
    if (!command || !command->run(script)) {
        if (!command)
            fail(script, "script", "unknown command");
        script->counts.failed++;
        return;
    }
    if (command->kind == SETUP)
        return;
    script->counts.passed++;
    if (command->kind == CALL_ASSERTION && script->settings.teardown)
        *(script->shared ? &script->counts.linked : &script->counts.torn) += 1;
}

/* Scripts. */

static void clear(struct script *script)
{
    struct registration *lists[] = {script->names, script->registered};
    for (size_t i = 0; i < 2; i++)
        for (struct registration *at = lists[i], *next; at; at = next) {
            next = at->next;
            free(at);
        }
    for (struct subject *at = script->subjects, *next; at; at = next) {
        next = at->next;
        subject_destroy(at);
    }
    spectest_destroy(script->spectest);
}

static void run_script(struct script *script)
{
    struct buffer text = {0};
    struct error error = {0};
    bool good =
        spectest_create(&script->spectest, &error) && file_bytes(script->path, &text, &error);
    buffer_put_u8(&text, 0);
    script->line = "0";
    if (!good || text.failed) {
        fail_error(script, "script", &error);
        script->counts.failed++;
    } else {
        for (char *line = (char *)text.data, *end; (end = strchr(line, '\n')); line = end + 1) {
            *end = 0;
            run_line(script, line);
        }
    }
    clear(script);
    buffer_free(&text);
}

static bool options(int argc, char **argv, int *at, struct settings *settings, bool *verbose)
{
    for (*at = 1; *at < argc && strncmp(argv[*at], "--", 2) == 0; ++*at) {
        bool more = *at + 1 < argc;
        if (strcmp(argv[*at], "--verbose") == 0)
            *verbose = true;
        else if (strcmp(argv[*at], "--teardown") == 0 && more)
            settings->teardown = (uint32_t)strtoul(argv[++*at], NULL, 10);
        else if (strcmp(argv[*at], "--stack") == 0 && more)
            settings->stack_size = (uint32_t)strtoul(argv[++*at], NULL, 10);
        else if (strcmp(argv[*at], "--fuel") == 0 && more)
            settings->fuel = strtoull(argv[++*at], NULL, 10);
        else
            return false;
    }
    if (!settings->stack_size)
        settings->stack_size = settings->teardown ? TORN_STACK_SIZE : STACK_SIZE;
    return *at < argc;
}

int main(int argc, char **argv)
{
    static struct script script;
    struct settings settings = {0};
    struct work work = {0};
    struct counts sum = {0};
    bool verbose = false;
    int first;
#ifndef __wasm__
    streams_open();
#endif
    if (!options(argc, argv, &first, &settings, &verbose)) {
        fputs(usage, stderr);
        return 2;
    }
    for (int i = first; i < argc; i++) {
        script = (struct script){.path = argv[i], .settings = settings, .work = &work};
        run_script(&script);
        if (verbose)
            printf("%s: %u passed, %u failed\n", argv[i], script.counts.passed,
                   script.counts.failed);
        sum.passed += script.counts.passed;
        sum.failed += script.counts.failed;
        sum.text += script.counts.text;
        sum.torn += script.counts.torn;
        sum.linked += script.counts.linked;
    }
    if (settings.teardown)
        printf("torn down %" PRIu64
               " times, in %u assertions; %u on linked modules, which are not\n",
               work.teardowns, sum.torn, sum.linked);
    printf("%d files, %u assertions on the text format left out, %" PRIu64 " units of fuel\n",
           argc - first, sum.text, work.fuel);
    printf("%u passed, %u failed\n", sum.passed, sum.failed);
    return sum.failed ? 1 : 0;
}
