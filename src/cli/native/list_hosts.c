/* list_hosts.c - `yado hosts`. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/native/hosts.h"
#include "cli/native/listing.h"

struct line {
    const struct host *host;
    bool installed;
    char program[1024];
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

/* What is printed of a host that is not there says so in few words; of one that fails, all. */
static void print_line(const struct line *line)
{
    const struct host *host = line->host;
    if (line->installed)
        printf("%-16s %-38.38s %-18s %-10s %s\n%-16s %s\n", host->name, line->version,
               line->abilities.waits, exit_codes(&line->abilities),
               host->executes ? host->executes : "", "", line->program);
    else if (*line->program && *line->version)
        printf("%-16s cannot be used: %s\n", host->name, line->error.message);
    else
        printf("%-16s not installed\n", host->name);
}

static void print_text(const char *value)
{
    putchar('"');
    for (; value && *value; value++) {
        const unsigned char byte = (unsigned char)*value;
        if (byte == '"' || byte == '\\')
            printf("\\%c", byte);
        else if (byte < ' ')
            printf("\\u%04x", byte);
        else
            putchar(byte);
    }
    putchar('"');
}

/* A member of an object; names are plain. */
static void print_json(const char *name, const char *value, const char *after)
{
    printf("\"%s\": ", name);
    print_text(value);
    printf("%s", after);
}

/* How the host runs a module of the user's by itself, in this directory. */
static void print_command(const struct line *line, const char *module)
{
    static const char *const here[] = {"."};
    static const struct given given = {.directories = here, .ndirectories = 1};
    struct arguments arguments = {0};
    struct error error = {.offset = ERROR_NO_OFFSET};
    bool good = host_command(line->host, module, &given, &arguments, &error);
    printf(", \"command\": [");
    for (size_t i = 0; good && i < arguments.count; i++) {
        printf("%s", i ? ", " : "");
        print_text(arguments.list[i]);
    }
    printf("]");
    if (!good) {
        printf(", ");
        print_json("command_error", error.message, "");
    }
    arguments_free(&arguments);
}

static void print_json_line(const struct line *line, const char *module)
{
    const struct host *host = line->host;
    printf(",\n {");
    print_json("name", host->name, ", ");
    printf("\"installed\": %s, ", line->installed ? "true" : "false");
    print_json("executes", host->executes, ", ");
    print_json("build", host->build, ", ");
    print_json("source", host->source, ", ");
    if (line->installed) {
        print_json("version", line->version, ", ");
        print_json("program", line->program, ", ");
        print_json("interrupts_reads", line->abilities.waits, ", ");
        print_json("exit_code_200", line->abilities.exit_code, ", ");
        printf("\"compiles\": %s", host->compile ? "true" : "false");
        if (module)
            print_command(line, module);
        printf("}");
    } else {
        print_json("reason", line->error.message, "}");
    }
}

static bool list(const struct options *options, struct error *error)
{
    static const char here[] = "the interpreter in this process";
    const struct host *host = hosts_all(error);
    if (!host)
        return false;
    if (options->json)
        printf("[{\"name\": \"native\", \"installed\": true, \"executes\": \"%s\"}", here);
    else
        printf("%-16s %-38s %-18s %-10s %s\n%-16s %-38s %-18s %-10s %s\n", "HOST", "VERSION",
               "INTERRUPTS A READ", "EXIT CODES", "HOW IT EXECUTES", "native", "-", "yes", "passed",
               here);
    for (; host->name; host++) {
        struct line line;
        look_at(host, &line);
        if (options->json)
            print_json_line(&line, options->module);
        else
            print_line(&line);
        fflush(stdout);
    }
    if (options->json)
        printf("]\n");
    return true;
}

int command_hosts(int argc, const char **argv)
{
    return listing(COMMAND_HOSTS, argc, argv, list);
}
