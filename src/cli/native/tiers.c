#include "cli/native/tiers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/native/asking.h"
#include "cli/native/envelopes.h"
#include "cli/native/remote.h"
#include "cli/native/sealing.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/start.h"
#include "host/host.h"

/* Asks the guest for the snapshot that it goes on from. The turn is this process's until it is
 * ended, when the guest has been restored. */
static bool ask_to_move(struct registered *entry, const char *snapshot)
{
    const struct timespec pause_ = {0, 5000000};
    const struct registered begun = *entry;
    char id[REQUEST_ID_ROOM];
    struct request request = {.id = id, .snapshot = snapshot};
    struct turn turn = {0};
    struct buffer text = {0};
    while (!turn_try_politely(&turn, entry))
        nanosleep(&pause_, NULL);
    /* It may be somewhere else by now, as somebody wanted it. */
    if (!registry_look(entry) || strcmp(entry->host, begun.host) != 0)
        return false;
    asking_id(id);
    entry_withdraw(entry);
    if (!asking_post(entry, &request, "", NULL))
        return false;
    while (!asking_answered(entry, id, &text))
        nanosleep(&pause_, NULL);
    return asking_was_done(&text, NULL);
}

/* Makes all that the sealed guest needs, in a process that goes on when everybody else has ended, so
 * that the next run finds it. It has nothing of theirs: no streams, no locks. Who makes the same
 * meanwhile is waited for (hosts/cache.h). */
_Noreturn static void make_sealed(const struct supervisor *supervisor, const struct host *host,
                                  struct span module)
{
    char sealed[PATH_ROOM];
    struct arguments unused = {0};
    int nothing = open("/dev/null", O_RDWR);
    setsid();
    for (int i = 0; nothing >= 0 && i < 3; i++)
        dup2(nothing, i);
    close_range(3, ~0U, 0);
    bool good = nice(10) != -1 &&
                sealed_module(host, supervisor->options->positional[0], module, 0, sealed, NULL) &&
                host_command(host, sealed, NULL, &unused, NULL);
    _exit(good ? 0 : 1);
}

static bool make_in_background(const struct supervisor *supervisor, const struct host *host,
                               struct span module)
{
    int status = 1;
    pid_t maker = fork();
    if (maker == 0)
        make_sealed(supervisor, host, module);
    while (maker > 0 && waitpid(maker, &status, 0) < 0 && errno == EINTR)
        ;
    return maker > 0 && status == 0;
}

static double seconds_since(uint64_t then)
{
    return (double)(host_monotonic() - then) / 1e9;
}

static void tell_tier(const struct supervisor *supervisor, const char *format, ...)
    ERROR_PRINTF(2, 3);

static void tell_tier(const struct supervisor *supervisor, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (supervisor->options->verbose)
        print_line(stderr, "yado: --tier auto: %s", text);
}

/* Waits until the guest goes on in the other tier, as it says (cli/play.c). */
static void await_change(const struct supervisor *supervisor)
{
    const struct timespec pause_ = {0, 1000000};
    char restored[REGISTRY_PATH_MAX];
    registry_path(&supervisor->entry, "status.restored", restored);
    while (!file_exists(restored))
        nanosleep(&pause_, NULL);
}

/* In a process of its own: has what the sealed guest needs made, then asks the interpreted one for
 * a checkpoint. */
_Noreturn static void prepare_move(const struct supervisor *supervisor, const struct host *host,
                                   struct span module, const char *snapshot)
{
    struct registered entry = supervisor->entry;
    char restored[REGISTRY_PATH_MAX];
    progress_forbid();
    bool made = make_in_background(supervisor, host, module);
    tell_tier(supervisor,
              made ? "sealed and compiled after %.2f s"
                   : "the module could not be sealed and compiled (%.2f s); the guest "
                     "stays interpreted",
              seconds_since(supervisor->begun));
    uint64_t asked = host_monotonic();
    unlink(registry_path(&entry, "status.restored", restored)); /* of its own beginning */
    if (!made || !ask_to_move(&entry, snapshot))
        _exit(1);
    await_change(supervisor);
    tell_tier(
        supervisor,
        "the guest goes on sealed, %.2f s after its start; it stood still for at most %.0f ms",
        seconds_since(supervisor->begun), seconds_since(asked) * 1000);
    _exit(0);
}

static void end_mover(pid_t mover)
{
    if (mover > 0 && kill(mover, SIGTERM) == 0)
        waitpid(mover, NULL, 0);
}

/* Interpreted at once; sealed as soon as that is done, by a checkpoint and a restore. */
static int run_auto(struct supervisor *supervisor, const struct host *host, const char *name,
                    struct span module)
{
    struct options options = *supervisor->options;
    char snapshot[REGISTRY_PATH_MAX], restored[REGISTRY_PATH_MAX];
    const char *positional[] = {registry_path(&supervisor->entry, "moved", snapshot), NULL};
    const int streams[3] = {-1, -1, -1};
    pid_t mover = 0;
    if (process_fork(streams, &mover, NULL) && mover == 0)
        prepare_move(supervisor, host, module, snapshot);
    int code = supervisor_begin(supervisor, host, name);
    if (code != EXIT_CHECKPOINTED || access(snapshot, R_OK) != 0) {
        end_mover(mover);
        if (supervisor->options->verbose && !sealed_is_there(host, module))
            tell_tier(supervisor, "the guest ended before it was sealed and compiled, which goes "
                                  "on in the background for the next run");
        return code;
    }
    options.tier = TIER_SEALED;
    options.positional = positional;
    options.npositional = 1;
    const struct options *given = supervisor->options;
    supervisor->options = &options;
    supervisor->command = COMMAND_RESTORE;
    code = supervisor_begin(supervisor, host, name);
    supervisor->options = given;
    end_mover(mover);
    /* One that could not be restored is not lost: it is kept with what else is there (kept.h). */
    if (code != EXIT_FAILED ||
        file_exists(registry_path(&supervisor->entry, "status.restored", restored)))
        unlink(snapshot);
    return code;
}

/* With keys a guest is not moved: the snapshot in between would be in the clear. */
int run_in_tier(struct supervisor *supervisor, const struct host *host, const char *name)
{
    const struct options *given = supervisor->options;
    struct options options = *given;
    struct buffer bytes = {0};
    struct error error = {.offset = ERROR_NO_OFFSET};
    if (given->tier != TIER_AUTO || !host || envelopes_wrap(&given->snapshots) ||
        given->snapshots.require_signature.count > 0)
        return supervisor_begin(supervisor, host, name);
    if (!guest_module(supervisor->command, given, &bytes, NULL, &error))
        return report(&error, EXIT_FAILED);
    struct span module = {bytes.data, (uint32_t)bytes.size};
    supervisor->options = &options;
    options.tier = sealed_is_there(host, module) ? TIER_SEALED : TIER_INTERPRETER;
    int code = options.tier == TIER_SEALED ? supervisor_begin(supervisor, host, name)
                                           : run_auto(supervisor, host, name, module);
    supervisor->options = given;
    buffer_free(&bytes);
    return code;
}
