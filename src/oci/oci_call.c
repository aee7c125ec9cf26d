#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "cli/print.h"
#include "oci/oci.h"

/* Options that have a value, by the place where it is kept; those of engines that change nothing
 * here are known so that their values are not taken for a container's id. */
#define NOWHERE SIZE_MAX
static const struct {
    const char *name;
    size_t offset;
} values[] = {{"root", offsetof(struct call, root)},
              {"log", offsetof(struct call, log)},
              {"log-format", offsetof(struct call, format)},
              {"bundle", offsetof(struct call, bundle)},
              {"b", offsetof(struct call, bundle)},
              {"pid-file", offsetof(struct call, pid_file)},
              {"console-socket", offsetof(struct call, console_socket)},
              {"image-path", offsetof(struct call, image_path)},
              {"work-path", offsetof(struct call, work_path)},
              {"parent-path", offsetof(struct call, parent_path)},
              {"format", offsetof(struct call, output)},
              {"process", NOWHERE},
              {"p", NOWHERE},
              {"resources", NOWHERE},
              {"r", NOWHERE},
              {"status-fd", NOWHERE},
              {"manage-cgroups-mode", NOWHERE},
              {"empty-ns", NOWHERE},
              {"lsm-profile", NOWHERE},
              {"lsm-mount-context", NOWHERE},
              {"page-server", NOWHERE},
              {"preserve-fds", NOWHERE},
              {"cgroup-manager", NOWHERE},
              {"rootless", NOWHERE},
              {"criu", NOWHERE}};

static const struct {
    const char *name;
    size_t offset;
} flags[] = {{"systemd-cgroup", offsetof(struct call, systemd_cgroup)},
             {"version", offsetof(struct call, version)},
             {"v", offsetof(struct call, version)},
             {"help", offsetof(struct call, help)},
             {"h", offsetof(struct call, help)},
             {"force", offsetof(struct call, force)},
             {"leave-running", offsetof(struct call, leave_running)},
             {"pre-dump", offsetof(struct call, pre_dump)},
             {"detach", offsetof(struct call, detach)},
             {"quiet", offsetof(struct call, quiet)},
             {"q", offsetof(struct call, quiet)}};

/* `name` is what stands behind the dashes. */
static bool is_named(const char *name, size_t length, const char *option)
{
    return strlen(option) == length && memcmp(name, option, length) == 0;
}

/* `list -f json`, but `delete -f`. */
static bool is_short_format(const struct call *call, const char *name, size_t length)
{
    return is_named(name, length, "f") && call->verb && strcmp(call->verb->name, "list") == 0;
}

static bool take_value(struct call *call, const char *word, size_t offset, const char *value,
                       struct error *error)
{
    if (!value)
        return error_set(error, ERROR_USAGE, "%s: its value is missing", word);
    if (offset != NOWHERE)
        memcpy((char *)call + offset, &value, sizeof value);
    return true;
}

static void take_flag(struct call *call, const char *name, size_t length, const char *value)
{
    bool *flag = is_named(name, length, "f") ? &call->force : NULL;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (is_named(name, length, flags[i].name))
            flag = (bool *)(void *)((char *)call + flags[i].offset);
    if (flag)
        *flag = !value || strcmp(value, "false") != 0;
}

/* One option; `*at` is moved over a value that is a word of its own. */
static bool take_option(struct call *call, int argc, const char **argv, int *at,
                        struct error *error)
{
    const char *word = argv[*at], *name = word + 1 + (word[1] == '-');
    const size_t length = strcspn(name, "=");
    const char *value = name[length] ? name + length + 1 : NULL;
    size_t offset = 0;
    bool has_value = is_short_format(call, name, length);
    if (has_value)
        offset = offsetof(struct call, output);
    for (size_t i = 0; i < sizeof values / sizeof *values && !has_value; i++)
        if ((has_value = is_named(name, length, values[i].name)))
            offset = values[i].offset;
    if (!has_value) {
        take_flag(call, name, length, value);
        return true;
    }
    if (!value && *at + 1 < argc)
        value = argv[++*at];
    return take_value(call, word, offset, value, error);
}

/* The runtime below gets a verb's words with two dashes: crun knows no others. */
static bool keep_word(struct call *call, const char *word, struct error *error)
{
    char *copy;
    bool single = word[0] == '-' && word[1] && word[1] != '-' && word[2];
    if (asprintf(&copy, "%s%s", single ? "-" : "", word) < 0)
        return error_set(error, ERROR_MEMORY, "no memory for the command line");
    call->words[call->nwords++] = copy;
    return true;
}

/* `exec ID command --option`: what follows the id is the command's. */
static bool is_commands_own(const struct call *call)
{
    return call->verb && call->id && strcmp(call->verb->name, "exec") == 0;
}

static bool take_word(struct call *call, int argc, const char **argv, int *at, struct error *error)
{
    const char *word = argv[*at];
    const bool behind = call->verb != NULL;
    const int first = *at;
    if (word[0] == '-' && word[1] && !is_commands_own(call)) {
        if (!take_option(call, argc, argv, at, error))
            return false;
    } else if (!call->verb) {
        call->verb = verb_named(word);
        return call->verb || error_set(error, ERROR_USAGE, "unknown command %s", word);
    } else if (!call->id) {
        call->id = word;
    }
    for (int i = first; behind && i <= *at; i++)
        if (!keep_word(call, argv[i], error))
            return false;
    return true;
}

/* The id becomes the name of a directory. */
static bool check_id(const struct call *call, struct error *error)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
    const char *id = call->id;
    if (!call->verb->needs_id || call->help)
        return true;
    if (!id)
        return error_set(error, ERROR_USAGE, "%s: the container's id is missing", call->verb->name);
    return (*id && strlen(id) == strspn(id, good) && strlen(id) <= 255 && strcmp(id, ".") != 0 &&
            strcmp(id, "..") != 0) ||
           error_set(error, ERROR_USAGE, "%s: not a container's id", id);
}

bool call_parse(struct call *call, int argc, const char **argv, struct error *error)
{
    *call = (struct call){.root = OCI_ROOT_DEFAULT, .format = "text", .output = "table"};
    call->words = calloc((size_t)argc + 1, sizeof *call->words);
    if (!call->words)
        return error_set(error, ERROR_MEMORY, "no memory for the command line");
    for (int i = 1; i < argc; i++)
        if (!take_word(call, argc, argv, &i, error))
            return false;
    if (call->root[0] != '/')
        return error_set(error, ERROR_USAGE, "--root %s: not an absolute path", call->root);
    if (!call->verb)
        return call->version || call->help ||
               error_set(error, ERROR_USAGE, "a command is missing (see --help)");
    return check_id(call, error);
}

void call_free(struct call *call)
{
    for (size_t i = 0; i < call->nwords; i++)
        free((char *)(uintptr_t)call->words[i]);
    free(call->words);
    *call = (struct call){0};
}

void call_report(const struct call *call, const struct error *error)
{
    char when[64];
    time_t now = time(NULL);
    struct tm utc;
    print_line(stderr, "yado-oci: %s", error->message);
    FILE *log = call->log ? fopen(call->log, "a") : NULL;
    if (!log)
        return;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    json_t *line =
        json_pack("{s:s, s:s, s:s}", "level", "error", "msg", error->message, "time", when);
    char *text = line && strcmp(call->format, "json") == 0 ? json_dumps(line, JSON_COMPACT) : NULL;
    fprintf(log, "%s\n", text ? text : error->message);
    fclose(log);
    free(text);
    json_decref(line);
}
