/* migrate.c - `yado migrate`: says what is wanted to the guest's `yado run`, and shows what that
 * tells (supervisor.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/native/doorbell.h"
#include "cli/native/hosts.h"
#include "cli/native/lines.h"
#include "cli/play.h"
#include "cli/print.h"
#include "cli/progress.h"

/* ---- what is wanted */

static void put_wish(const struct options *options, struct buffer *text)
{
    static const char *const environment[] = {"SSH_AUTH_SOCK", "YADO_SSH"};
    line_put(text, "host", options->host ? options->host : "native");
    if (options->to)
        line_put(text, "to", options->to);
    if (options->detach)
        line_put(text, "detach", "1");
    line_put(text, "remote-yado", options->remote_yado ? options->remote_yado : "yado");
    line_put_number(text, "link-timeout", options->link_timeout);
    line_put_number(text, "files", options->snapshots.files);
    for (uint32_t i = 0; i < options->snapshots.embed.count; i++)
        line_put(text, "embed", options->snapshots.embed.items[i]);
    for (uint32_t i = 0; i < options->guest.ndirs; i++) {
        struct buffer pair = {0};
        text_add(&pair, "%s::%s", options->guest.dirs[i].host_path,
                 options->guest.dirs[i].guest_path);
        line_put(text, "dir", pair.failed ? "" : (const char *)pair.data);
        text->failed |= pair.failed;
        buffer_free(&pair);
    }
    for (size_t i = 0; i < sizeof environment / sizeof *environment; i++)
        if (getenv(environment[i]))
            line_put(text, environment[i], getenv(environment[i]));
}

static bool send_all(int connection, const struct buffer *text, struct error *error)
{
    size_t sent = 0;
    while (!text->failed && sent < text->size) {
        ssize_t size = send(connection, text->data + sent, text->size - sent, MSG_NOSIGNAL);
        if (size <= 0)
            break;
        sent += (size_t)size;
    }
    shutdown(connection, SHUT_WR);
    return (!text->failed && sent == text->size) ||
           error_set(error, ERROR_IO, "the guest's yado does not take the request");
}

/* ---- what becomes of it */

/* "DONE TOTAL what" */
static void show_progress(const char *text)
{
    unsigned long long done = 0, total = 0;
    if (sscanf(text, "%llu %llu", &done, &total) == 2)
        progress_set(done, total);
}

static bool after(const char *line, const char *word, const char **text)
{
    size_t length = strlen(word);
    *text = line + length + 1;
    return strncmp(line, word, length) == 0 && line[length] == ' ';
}

/* Shows one line; true when it is the last. */
static bool show(const char *name, const char *line, int *exit_code)
{
    const char *text;
    struct error error = {.offset = ERROR_NO_OFFSET};
    if (after(line, "progress", &text)) {
        show_progress(text);
        return false;
    }
    progress_end();
    if (after(line, "phase", &text)) {
        print_line(stdout, "  %s", text);
        fflush(stdout);
        progress_begin("moving %s", name);
        return false;
    }
    bool usage = after(line, "usage", &text);
    if (usage || after(line, "error", &text)) {
        error_set(&error, ERROR_IO, "%s was not moved: %s", name, text);
        *exit_code = report(&error, usage ? EXIT_USAGE : EXIT_FAILED);
    } else if (after(line, "done", &text)) {
        print_line(stdout, "%s runs in %s", name, text);
        *exit_code = 0;
    }
    return true;
}

static bool follow(const char *name, int connection, int *exit_code, struct error *error)
{
    FILE *lines = fdopen(connection, "r");
    char *line = NULL;
    size_t room = 0;
    bool ended = false;
    progress_begin("moving %s", name);
    while (lines && !ended && getline(&line, &room, lines) > 0) {
        line[strcspn(line, "\n")] = 0;
        ended = show(name, line, exit_code);
    }
    progress_end();
    free(line);
    if (lines)
        fclose(lines);
    return ended || error_set(error, ERROR_IO, "the yado run of %s has ended", name);
}

/* That the host is there; Yadokari is compiled for it, which takes minutes for some, before the
 * guest's yado is bothered. */
static bool ready_host(const char *name, struct error *error)
{
    struct arguments arguments = {0};
    const struct host *host = strcmp(name, "native") == 0 ? NULL : host_named(name, error);
    bool good =
        strcmp(name, "native") == 0 || (host && host_command(host, NULL, NULL, &arguments, error));
    arguments_free(&arguments);
    return good;
}

static bool migrate(const struct options *options, int *exit_code, struct error *error)
{
    struct registered entry;
    struct buffer text = {0};
    int connection = -1;
    if (!registry_find(options->positional[0], &entry, error) ||
        (!options->to && !ready_host(options->host, error)) ||
        (connection = doorbell_connect(&entry, error)) < 0)
        return false;
    put_wish(options, &text);
    bool good = send_all(connection, &text, error);
    buffer_free(&text);
    if (!good) {
        close(connection);
        return false;
    }
    print_line(stdout, "%s: %s -> %s%s%s", entry.name, entry.host, options->to ? options->to : "",
               options->to ? " " : "", options->host ? options->host : "native");
    fflush(stdout);
    return follow(entry.name, connection, exit_code, error);
}

static bool check(const struct options *options, struct error *error)
{
    if (options->npositional != 1)
        return error_set(error, ERROR_USAGE, "one NAME is wanted (see --help)");
    if (!options->to && !options->host)
        return error_set(error, ERROR_USAGE, "where to? --host HOST or --to ssh://MACHINE");
    if (!options->to && (options->detach || options->guest.ndirs || options->remote_yado ||
                         options->snapshots.files || options->snapshots.embed.count))
        return error_set(error, ERROR_USAGE,
                         "--detach, --dir, --remote-yado, --files and --embed need --to");
    if (options->to && strncmp(options->to, "ssh://", 6) != 0)
        return error_set(error, ERROR_USAGE, "--to %s: not of the form ssh://[USER@]MACHINE[:PORT]",
                         options->to);
    return true;
}

int command_migrate(int argc, const char **argv)
{
    struct options options;
    struct error error = {.offset = ERROR_NO_OFFSET};
    int exit_code = EXIT_FAILED;
    bool good = options_parse(&options, COMMAND_MIGRATE, argc, argv, &error);
    if (good && options.help) {
        options_help(COMMAND_MIGRATE);
        exit_code = 0;
    } else if (!good || !check(&options, &error) || !migrate(&options, &exit_code, &error)) {
        exit_code = report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    }
    options_free(&options);
    return exit_code;
}
