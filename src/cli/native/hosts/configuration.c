#include "cli/native/hosts/configuration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/native/hosts/places.h"
#include "cli/native/hosts/words.h"
#include "cli/seal_file.h"

static const struct {
    const char *name;
    size_t offset;
} keys[] = {
    {"executes", offsetof(struct host, executes)},   {"program", offsetof(struct host, program)},
    {"version", offsetof(struct host, version)},     {"compiler", offsetof(struct host, compiler)},
    {"compile", offsetof(struct host, compile)},     {"run", offsetof(struct host, run)},
    {"directory", offsetof(struct host, directory)}, {"build", offsetof(struct host, build)},
    {"listen", offsetof(struct host, listen)},       {"features", offsetof(struct host, features)},
};

static struct host *find(const struct host_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->hosts[i].name, name) == 0)
            return &list->hosts[i];
    return NULL;
}

static struct host *add(struct host_list *list, const char *name)
{
    struct host *grown = realloc(list->hosts, (list->count + 2) * sizeof *grown);
    if (!grown)
        return NULL;
    list->hosts = grown;
    grown[list->count] = (struct host){.name = name, .build = "switch"};
    grown[list->count + 1] = (struct host){.name = NULL};
    return &grown[list->count++];
}

/* Without the space at both ends; cuts the text. */
static char *trimmed(char *text)
{
    text += strspn(text, " \t\r");
    size_t length = strlen(text);
    while (length && strchr(" \t\r", text[length - 1]))
        text[--length] = 0;
    return text;
}

static bool good_name(const char *name)
{
    return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name) &&
           strlen(name) < 32;
}

static bool set_key(const struct host_list *list, struct host *host, const char *key,
                    const char *value, struct error *error)
{
    if (strcmp(key, "like") == 0) {
        const struct host *other = find(list, value), own = *host;
        if (!other || other == host)
            return error_set(error, ERROR_USAGE, "like = %s: no host of that name above", value);
        *host = *other;
        host->name = own.name;
        host->source = own.source;
        return true;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i].name, key) == 0) {
            *(const char **)((char *)host + keys[i].offset) = *value ? value : NULL;
            return true;
        }
    return error_set(error, ERROR_USAGE, "unknown key %s", key);
}

static bool quotes_end(const struct host *host, struct error *error)
{
    const char *const words[] = {host->version, host->compile, host->run, host->directory,
                                 host->listen};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i] && !words_end(words[i]))
            return error_set(error, ERROR_USAGE, "host %s: a quote that does not end: %s",
                             host->name, words[i]);
    return true;
}

static bool complete(const struct host *host, struct error *error)
{
    const char *missing = !host->program ? "program" : !host->run ? "run" : NULL;
    if (missing)
        return error_set(error, ERROR_USAGE, "host %s has no `%s`", host->name, missing);
    if (!place_is_build(host->build))
        return error_set(error, ERROR_USAGE,
                         "host %s: `build` is switch, bulk, large, tail or sockets", host->name);
    if (!quotes_end(host, error))
        return false;
    struct seal_options options = {0};
    if (!take_features(host->features, &options, error))
        return error_prefix(error, "host %s", host->name);
    if (host->compile && (!strstr(host->compile, "{module}") || !strstr(host->compile, "{output}")))
        return error_set(error, ERROR_USAGE, "host %s: `compile` wants {module} and {output}",
                         host->name);
    if (strstr(host->run, "{directories}") && !host->directory)
        return error_set(error, ERROR_USAGE, "host %s: `run` has {directories} but no `directory`",
                         host->name);
    if (host->listen && !strstr(host->run, "{directories}"))
        return error_set(error, ERROR_USAGE, "host %s: `listen` wants {directories} in `run`",
                         host->name);
    return true;
}

static bool section(struct host_list *list, struct host **host, const char *source, char *line,
                    struct error *error)
{
    size_t length = strlen(line);
    if (line[length - 1] != ']')
        return error_set(error, ERROR_USAGE, "[NAME] is wanted, not %s", line);
    line[length - 1] = 0;
    char *name = trimmed(line + 1);
    if (!good_name(name) || strcmp(name, "native") == 0)
        return error_set(error, ERROR_USAGE, "no name for a host: %s", name);
    *host = find(list, name);
    if (!*host)
        *host = add(list, name);
    if (!*host)
        return error_set(error, ERROR_MEMORY, "no memory for the hosts");
    (*host)->source = source;
    return true;
}

bool configuration_read(struct host_list *list, const char *source, char *text, struct error *error)
{
    struct host *host = NULL;
    bool good = true;
    unsigned number = 0;
    for (char *next; good && *text; text = next) {
        next = text + strcspn(text, "\n");
        next += *next ? (*next = 0, 1) : 0;
        number++;
        char *line = trimmed(text), *equals = strchr(line, '=');
        if (!*line || *line == '#')
            continue;
        if (*line == '[') {
            good = (!host || complete(host, error)) && section(list, &host, source, line, error);
        } else if (!equals || !host) {
            good = error_set(error, ERROR_USAGE, "%s: %s",
                             host ? "no `key = value`" : "no [NAME] above", line);
        } else {
            *equals = 0;
            good = set_key(list, host, trimmed(line), trimmed(equals + 1), error);
        }
    }
    good = good && (!host || complete(host, error));
    return good || error_prefix(error, "%s, line %u", source, number);
}
