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
#include "host/host.h"

#define ERRORS_MAX 65536

static bool split_target(struct ssh *ssh, const char *target, struct error *error)
{
    const char *at = target + strlen("ssh://");
    const char *bracket = strchr(at, ']'), *colon = strrchr(bracket ? bracket : at, ':');
    size_t length = colon ? (size_t)(colon - at) : strlen(at);
    if (colon)
        snprintf(ssh->port, sizeof ssh->port, "%s", colon + 1);
    snprintf(ssh->target, sizeof ssh->target, "%.*s", (int)length, at);
    if (length == 0 || length >= sizeof ssh->target || at[0] == '-' || strchr(at, '/') ||
        strchr(at, ' ') ||
        (colon && (!colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))))
        return error_set(error, ERROR_USAGE, "--to %s: not of the form ssh://[USER@]MACHINE[:PORT]",
                         target);
    return true;
}

/* Without questions: the terminal, if there is one, is the guest's. */
static void command_line(const struct ssh *ssh, const char *command, struct arguments *arguments)
{
    arguments_add(arguments, "%s", ssh->program);
    arguments_add(arguments, "-T");
    arguments_add(arguments, "-oBatchMode=yes");
    arguments_add(arguments, "-oConnectTimeout=10");
    if (ssh->port[0]) {
        arguments_add(arguments, "-p");
        arguments_add(arguments, "%s", ssh->port);
    }
    arguments_add(arguments, "%s", ssh->target);
    arguments_add(arguments, "%s %s", ssh->yado, command);
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

bool ssh_start(struct ssh *ssh, const char *target, const char *wish, int streams[2],
               struct error *error)
{
    struct arguments arguments = {0};
    char agent[1024];
    int to[2] = {-1, -1}, from[2] = {-1, -1};
    *ssh = (struct ssh){.errors = -1};
    if (!split_target(ssh, target, error))
        return false;
    if (!file_value(wish, "YADO_SSH", ssh->program, sizeof ssh->program))
        snprintf(ssh->program, sizeof ssh->program, "ssh");
    if (!file_value(wish, "remote-yado", ssh->yado, sizeof ssh->yado))
        snprintf(ssh->yado, sizeof ssh->yado, "yado");
    if (file_value(wish, "SSH_AUTH_SOCK", agent, sizeof agent))
        setenv("SSH_AUTH_SOCK", agent, 1);
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
    bool good = process_capture(&arguments, -1, &output, &status, error);
    buffer_put_u8(&output, 0);
    arguments_free(&arguments);
    if (good && !output.failed)
        file_value((const char *)output.data, "state", state, sizeof state);
    *gone = strcmp(state, "started") == 0                                   ? GONE_RUNS
            : strcmp(state, "revoked") == 0 || strcmp(state, "failed") == 0 ? GONE_NOT
                                                                            : GONE_UNKNOWN;
    if (good && *gone == GONE_UNKNOWN)
        error_set(error, ERROR_IO, "%s does not say whether the guest runs there: %.200s",
                  ssh->target, (const char *)output.data);
    buffer_free(&output);
    return good && *gone != GONE_UNKNOWN;
}

enum gone ssh_ask(struct ssh *ssh, const char *token, uint64_t timeout, struct error *error)
{
    const struct timespec pause = {0, 500000000};
    const uint64_t end = host_monotonic() + timeout;
    enum gone gone = GONE_UNKNOWN;
    while (!ask_once(ssh, token, &gone, error) && host_monotonic() < end)
        nanosleep(&pause, NULL);
    if (gone == GONE_NOT)
        error_set(error, ERROR_IO, "the connection to %s was cut before the guest began there",
                  ssh->target);
    return gone;
}
