/* list_hosts.c - `yado hosts`. */
#include <stdio.h>
#include <string.h>

#include "base/tree.h"
#include "cli/commands.h"
#include "cli/native/hosts.h"
#include "cli/native/listing.h"
#include "cli/print.h"

struct line {
    const struct host *host;
    bool installed;
    char program[PATH_ROOM];
    char version[128];
    struct abilities abilities;
    struct error error; /* why it is not to be used */
};

static void look_at(const struct host *host, struct line *line)
{
    *line = (struct line){.host = host, .error = {.offset = ERROR_NO_OFFSET}};
    line->installed = host_find(host, line->program, &line->error) &&
                      host_version(host, line->program, line->version, &line->error) &&
                      host_abilities(host, line->program, &line->abilities, &line->error);
}

static const char *exit_codes(const struct abilities *abilities)
{
    return strcmp(abilities->exit_code, "200") == 0         ? "passed"
           : strcmp(abilities->exit_code, "not known") == 0 ? "not known"
                                                            : "changed";
}

static void print_row(const char *name, const char *version, const char *waits, const char *codes,
                      const char *executes)
{
    print_line(stdout, "%-16s %-38.38s %-18s %-10s %s", name, version, waits, codes, executes);
}

/* What is printed of a host that is not there says so in few words; of one that fails, all. */
static void print_host(const struct line *line)
{
    const struct host *host = line->host;
    if (line->installed) {
        print_row(host->name, line->version, line->abilities.waits, exit_codes(&line->abilities),
                  host->executes ? host->executes : "");
        print_line(stdout, "%-16s %s", "", line->program);
    } else if (*line->program && *line->version) {
        print_line(stdout, "%-16s cannot be used: %s", host->name, line->error.message);
    } else {
        print_line(stdout, "%-16s not installed", host->name);
    }
}

static void put_text(struct tree *tree, json_t *object, const char *key, const char *value)
{
    tree_put(tree, object, key, tree_text(value, value ? strlen(value) : 0));
}

/* How the host runs a module of the user's by itself, in this directory. */
static void put_command(struct tree *tree, json_t *object, const struct line *line,
                        const char *module)
{
    static const char *const here[] = {"."};
    static const struct given given = {.directories = here, .ndirectories = 1};
    struct arguments arguments = {0};
    struct error error = {.offset = ERROR_NO_OFFSET};
    json_t *words = json_array();
    bool good = host_command(line->host, module, &given, &arguments, &error);
    for (size_t i = 0; good && i < arguments.count; i++)
        tree_append(tree, words, tree_text(arguments.list[i], strlen(arguments.list[i])));
    tree_put(tree, object, "command", words);
    if (!good)
        put_text(tree, object, "command_error", error.message);
    arguments_free(&arguments);
}

static json_t *host_json(struct tree *tree, const struct line *line, const char *module)
{
    const struct host *host = line->host;
    json_t *object = json_object();
    put_text(tree, object, "name", host->name);
    tree_put(tree, object, "installed", json_boolean(line->installed));
    put_text(tree, object, "executes", host->executes);
    put_text(tree, object, "build", host->build);
    put_text(tree, object, "source", host->source);
    if (!line->installed) {
        put_text(tree, object, "reason", line->error.message);
        return object;
    }
    put_text(tree, object, "version", line->version);
    put_text(tree, object, "program", line->program);
    put_text(tree, object, "interrupts_reads", line->abilities.waits);
    put_text(tree, object, "exit_code_200", line->abilities.exit_code);
    tree_put(tree, object, "compiles", json_boolean(host->compile != NULL));
    if (module)
        put_command(tree, object, line, module);
    return object;
}

/* One host in a line, as soon as it has been looked at: some take seconds. */
static void print_json(json_t *object, const char *before)
{
    fputs(before, stdout);
    json_dumpf(object, stdout, JSON_ENSURE_ASCII);
    json_decref(object);
}

static bool list(const struct options *options, struct error *error)
{
    static const char here[] = "the interpreter in this process";
    const struct host *host = hosts_all(error);
    struct tree tree = {0};
    if (!host)
        return false;
    if (options->json) {
        print_json(
            json_pack("{s:s, s:b, s:s}", "name", "native", "installed", true, "executes", here),
            "[");
    } else {
        print_row("HOST", "VERSION", "INTERRUPTS A READ", "EXIT CODES", "HOW IT EXECUTES");
        print_row("native", "-", "yes", "passed", here);
    }
    for (; host->name; host++) {
        struct line line;
        look_at(host, &line);
        if (options->json)
            print_json(host_json(&tree, &line, options->guest.module), ",\n ");
        else
            print_host(&line);
        fflush(stdout);
    }
    if (options->json)
        fputs("]\n", stdout);
    return !tree.failed || error_set(error, ERROR_MEMORY, "no memory for the hosts as JSON");
}

int command_hosts(int argc, const char **argv)
{
    return listing(COMMAND_HOSTS, argc, argv, list);
}
