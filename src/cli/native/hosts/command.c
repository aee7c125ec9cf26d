/* command.c - a host's command line. */
#include <stdlib.h>
#include <string.h>

#include "cli/native/hosts.h"
#include "cli/native/hosts/compiled.h"
#include "cli/native/hosts/places.h"
#include "cli/native/hosts/words.h"

/* The words of `run`. {directories} is a word that becomes several. */
static bool add_run(const struct host *host, const struct replacement *replacements,
                    const struct given *given, struct arguments *arguments, struct error *error)
{
    static const char here[] = "{directories}";
    const char *at = strstr(host->run, here);
    if (!at)
        return words_add(arguments, host->run, replacements, error);
    char *before = strndup(host->run, (size_t)(at - host->run));
    bool good = before ? words_add(arguments, before, replacements, error)
                       : error_set(error, ERROR_MEMORY, "no memory for a command line");
    free(before);
    for (size_t i = 0; good && given && i < given->ndirectories; i++) {
        const struct replacement directory[] = {{"{directory}", given->directories[i]},
                                                {NULL, NULL}};
        good = words_add(arguments, host->directory, directory, error);
    }
    for (size_t i = 0; good && given && i < given->nlisteners; i++) {
        const struct replacement address[] = {{"{address}", given->listeners[i]}, {NULL, NULL}};
        good = words_add(arguments, host->listen, address, error);
    }
    return good && words_add(arguments, at + sizeof here - 1, replacements, error);
}

bool host_find(const struct host *host, char path[PATH_ROOM], struct error *error)
{
    char compiler[PATH_ROOM];
    return place_program(host->program, host->name, path, error) &&
           (!host->compiler || place_program(host->compiler, host->name, compiler, error));
}

bool host_command(const struct host *host, const char *module, const struct given *given,
                  struct arguments *arguments, struct error *error)
{
    char program[PATH_ROOM], path[PATH_ROOM] = "", scripts[PATH_ROOM] = "",
                             compiled[PATH_ROOM] = "";
    const bool takes_module = host->compile || strstr(host->run, "{module}");
    if (!host_find(host, program, error) ||
        (strstr(host->run, "{scripts}") && !place_scripts(scripts, error)))
        return false;
    if (module && !path_set(path, error, "%s", module))
        return false;
    if (!module && takes_module &&
        !place_yadokari(given && given->nlisteners ? "sockets" : host->build, path, error))
        return false;
    if (host->compile && !compiled_module(host, program, path, compiled, error))
        return false;
    const bool wants_both = strstr(host->run, "{compiled}");
    const struct replacement replacements[] = {
        {"{module}", host->compile && !wants_both ? compiled : path},
        {"{compiled}", compiled},
        {"{scripts}", scripts},
        {NULL, NULL}};
    arguments_add(arguments, "%s", program);
    return add_run(host, replacements, given, arguments, error) ||
           error_prefix(error, "%s, host %s", host->source, host->name);
}
