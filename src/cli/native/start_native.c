/* start_native.c - `yado run` and `yado restore`: registered, with its keys, until the guest ends. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/native/envelopes.h"
#include "cli/native/lines.h"
#include "cli/native/remote.h"
#include "cli/native/tiers.h"
#include "cli/print.h"
#include "cli/start.h"
#include "host/host.h"

/* Sockets of a guest in a host: whether that can give some, and will say no port. */
static bool host_can_listen(const struct host *host, const struct options *options,
                            struct error *error)
{
    for (uint32_t i = 0; i < options->guest.listen.count; i++) {
        const char *address = options->guest.listen.items[i], *port = strrchr(address, ':');
        if (!host->listen) {
            char names[HOST_NAMES];
            host_names(true, names);
            return error_set(error, ERROR_USAGE,
                             "--listen %s: host %s has no sockets to give; there are: %s", address,
                             host->name, names);
        }
        if (options->tier != TIER_INTERPRETER)
            return error_set(error, ERROR_USAGE, "--listen %s: not with --tier sealed or auto",
                             address);
        if (!port || atoi(port + 1) == 0)
            return error_set(error, ERROR_USAGE,
                             "--listen %s: host %s wants ADDRESS:PORT, and does not tell which "
                             "port 0 became",
                             address, host->name);
    }
    return true;
}

/* Who asked for the checkpoint may be gone. */
static void say_snapshot(const struct registered *entry)
{
    char path[REGISTRY_PATH_MAX], where[PATH_ROOM];
    struct buffer text = {0};
    if (entry_was_let_go(entry, path) && file_read(path, &text, NULL)) {
        buffer_put_u8(&text, 0);
        if (!text.failed && file_value((const char *)text.data, "snapshot", where, sizeof where))
            print_line(stderr, "yado: %s was checkpointed: its snapshot is %s", entry->name, where);
    }
    buffer_free(&text);
}

/* What others have to know of it. */
static bool describe(struct registered *entry, const struct options *options, char *snapshot,
                     struct error *error)
{
    *entry = (struct registered){.wraps = envelopes_wrap(&options->snapshots),
                                 .leave_running = options->snapshots.leave_running,
                                 .hosted = options->snapshots.request != NULL};
    snapshot[0] = 0;
    return (!options->snapshots.snapshot ||
            absolute_path(options->snapshots.snapshot, snapshot, error)) &&
           (!options->snapshots.base || absolute_path(options->snapshots.base, entry->base, error));
}

static int start_with_keys(enum command command, const struct options *options, int *ended_by)
{
    struct supervisor supervisor = {.command = command,
                                    .options = options,
                                    .client = -1,
                                    .service = supervisor_service,
                                    .input = {.pipe = {-1, -1}},
                                    .output = -1,
                                    .errors = -1,
                                    .begun = host_monotonic()};
    struct error error = {.offset = ERROR_NO_OFFSET};
    const char *name = options->host ? options->host : "native";
    const struct host *host = NULL;
    if (strcmp(name, "native") != 0 && !(host = host_named(name, &error)))
        return report(&error, EXIT_USAGE);
    if (host && !host_can_listen(host, options, &error))
        return report(&error, EXIT_USAGE);
    if (!host && options->tier == TIER_SEALED) {
        error_set(&error, ERROR_USAGE,
                  "--tier sealed: a sealed guest runs in a host (give one by --host)");
        return report(&error, EXIT_USAGE);
    }
    char snapshot[PATH_ROOM];
    if (!describe(&supervisor.entry, options, snapshot, &error))
        return report(&error, EXIT_FAILED);
    if (!registry_add(&supervisor.entry, options->name, name, options->positional[0], snapshot,
                      &error))
        return report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    int exit_code_ = run_in_tier(&supervisor, host, name);
    if (exit_code_ == EXIT_CHECKPOINTED)
        say_snapshot(&supervisor.entry);
    registry_remove(&supervisor.entry);
    *ended_by = supervisor.ended_by;
    return exit_code_;
}

/* Keys are read once, and wrong ones told of before anything runs. */
int start_native(enum command command, const struct options *options)
{
    struct envelopes envelopes;
    struct error error = {.offset = ERROR_NO_OFFSET};
    struct options own = *options;
    int ended_by = 0;
    own.snapshots.envelopes = &envelopes;
    int code = envelopes_load(&envelopes, &options->snapshots, &error)
                   ? start_with_keys(command, &own, &ended_by)
                   : report(&error, error.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED);
    envelopes_wipe(&envelopes);
    if (ended_by) { /* this process ends as its guest did */
        signal(ended_by, SIG_DFL);
        raise(ended_by);
    }
    return code;
}
