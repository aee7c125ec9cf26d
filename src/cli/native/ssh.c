#include "cli/native/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/native/lines.h"
#include "host/host.h"

#define ERRORS_MAX  65536
#define ASK_SECONDS 30 /* for one question */

static bool split_target(struct ssh *ssh, const char *target, struct error *error)
{
    const char *at = target + strlen("ssh://");
    const char *bracket = strchr(at, ']'), *colon = strrchr(bracket ? bracket : at, ':');
    size_t length = colon ? (size_t)(colon - at) : strlen(at);
    if (colon && strlen(colon + 1) < sizeof ssh->port)
        snprintf(ssh->port, sizeof ssh->port, "%s", colon + 1);
    snprintf(ssh->target, sizeof ssh->target, "%.*s", (int)length, at);
    if (length == 0 || length >= sizeof ssh->target || at[0] == '-' || strchr(at, '/') ||
        strchr(at, ' ') ||
        (colon && (!ssh->port[0] || strspn(colon + 1, "0123456789") != strlen(colon + 1))))
        return error_set(error, ERROR_USAGE, "--to %s: not of the form ssh://[USER@]MACHINE[:PORT]",
                         target);
    return true;
}

/* Without questions: the terminal, if there is one, is the guest's. */
static void command_line(const struct ssh *ssh, const char *command, struct arguments *arguments)
{
    arguments_add(arguments, "%s", ssh->program ? ssh->program : "ssh");
    arguments_add(arguments, "-T");
    arguments_add(arguments, "-oBatchMode=yes");
    arguments_add(arguments, "-oConnectTimeout=10");
    if (ssh->port[0]) {
        arguments_add(arguments, "-p");
        arguments_add(arguments, "%s", ssh->port);
    }
    arguments_add(arguments, "%s", ssh->target);
    arguments_add(arguments, "%s %s", ssh->yado ? ssh->yado : "yado", command);
}

/* For what ssh prints, and the other machine through it: no more than the file is long. */
static int errors_file(void)
{
    int file = memfd_create("ssh", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file >= 0 &&
        (ftruncate(file, ERRORS_MAX) != 0 || fcntl(file, F_ADD_SEALS, F_SEAL_GROW) != 0)) {
        close(file);
        file = -1;
    }
    return file;
}

/* What the user of `yado migrate` has said: which programs, and who has the keys. */
static bool read_wish(struct ssh *ssh, const char *wish, struct error *error)
{
    char *agent = NULL;
    bool good = line_text(wish, "YADO_SSH", &ssh->program, error) &&
                line_text(wish, "remote-yado", &ssh->yado, error) &&
                line_text(wish, "SSH_AUTH_SOCK", &agent, error);
    if (agent)
        setenv("SSH_AUTH_SOCK", agent, 1);
    free(agent);
    return good;
}

bool ssh_start(struct ssh *ssh, const char *target, const char *wish, int streams[2],
               struct error *error)
{
    struct arguments arguments = {0};
    int to[2] = {-1, -1}, from[2] = {-1, -1};
    *ssh = (struct ssh){.errors = -1};
    if (!split_target(ssh, target, error))
        return false;
    if (!read_wish(ssh, wish, error))
        return false;
    command_line(ssh, "receive", &arguments);
    ssh->errors = errors_file();
    bool good = (pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0 && ssh->errors >= 0) ||
                error_set(error, ERROR_IO, "cannot make a pipe: %s", strerror(errno));
    good =
        good && process_start(&arguments, (int[]){to[0], from[1], ssh->errors}, &ssh->pid, error);
    arguments_free(&arguments);
    streams[0] = from[0];
    streams[1] = to[1];
    for (int i = 0; i < 2; i++) {
        if ((i == 0 || !good) && to[i] >= 0)
            close(to[i]);
        if ((i == 1 || !good) && from[i] >= 0)
            close(from[i]);
    }
    if (good)
        for (int i = 0; i < 2; i++)
            fcntl(streams[i], F_SETFL, O_NONBLOCK);
    return good;
}

void ssh_end(struct ssh *ssh)
{
    struct runner runner = {.pid = ssh->pid};
    runner_end(&runner, 300);
    if (ssh->errors >= 0)
        close(ssh->errors);
    free(ssh->program);
    free(ssh->yado);
    *ssh = (struct ssh){.errors = -1};
}

void ssh_errors(const struct ssh *ssh, char *text, size_t size)
{
    char bytes[1024];
    ssize_t got = ssh->errors < 0 ? 0 : pread(ssh->errors, bytes, sizeof bytes - 1, 0);
    bytes[got > 0 ? got : 0] = 0;
    for (char *end; (end = strrchr(bytes, '\n')) && !end[1];)
        *end = 0;
    for (char *end; (end = strchr(bytes, '\n'));)
        *end = ' ';
    snprintf(text, size, "%s", bytes);
}

/* What a yado there says; anything else, such as what a shell prints, says nothing. */
static bool ask_once(struct ssh *ssh, const char *token, enum gone *gone, struct error *error)
{
    struct arguments arguments = {0};
    struct buffer output = {0};
    char command[80], state[32] = "";
    int status;
    snprintf(command, sizeof command, "receive --ask %s", token);
    command_line(ssh, command, &arguments);
    bool good = process_capture(&arguments, -1, ASK_SECONDS, &output, &status, error);
    buffer_put_u8(&output, 0);
    arguments_free(&arguments);
    if (good && !output.failed)
        file_value((const char *)output.data, "state", state, sizeof state);
    *gone = strcmp(state, "started") == 0                                   ? GONE_RUNS
            : strcmp(state, "revoked") == 0 || strcmp(state, "failed") == 0 ? GONE_NOT
                                                                            : GONE_UNKNOWN;
    bool lost = strcmp(state, "lost") == 0;
    if (lost)
        error_set(error, ERROR_IO,
                  "%.100s was told to go on with the guest, and its yado was killed there: how far "
                  "the guest came is not known",
                  ssh->target);
    buffer_free(&output);
    return lost || *gone != GONE_UNKNOWN;
}

enum gone ssh_ask(struct ssh *ssh, const char *token, uint64_t timeout, struct error *error)
{
    const struct timespec pause = {0, 500000000};
    const uint64_t end = host_monotonic() + timeout;
    enum gone gone = GONE_UNKNOWN;
    bool answered;
    while (!(answered = ask_once(ssh, token, &gone, error)) && host_monotonic() < end)
        nanosleep(&pause, NULL);
    if (!answered)
        error_set(error, ERROR_IO,
                  "%.100s was told to go on with the guest and cannot be reached since; `yado "
                  "receive --ask %s` there tells whether it runs (state=revoked: it never will)",
                  ssh->target, token);
    else if (gone == GONE_NOT)
        error_set(error, ERROR_IO, "the connection to %s was cut before the guest began there",
                  ssh->target);
    return gone;
}
