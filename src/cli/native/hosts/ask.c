/* ask.c - what a host says of itself and what it is seen to do. Asking takes as long as starting
 * it: answers are kept, as lines key=value, for as long as the files that they are about are the
 * same. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/native/hosts.h"
#include "cli/native/hosts/places.h"
#include "cli/native/hosts/words.h"
#include "cli/progress.h"

/* Of a question to a host, in seconds: some take minutes to start with an empty cache of their own, on
 * a machine that is busy. A host that hangs must not hang who asks. */
#define USUAL_LIMIT 120

static unsigned limit(void)
{
    const char *given = getenv("YADO_HOST_TIMEOUT");
    unsigned long seconds = given ? strtoul(given, NULL, 10) : 0;
    return seconds > 0 && seconds < 1000000 ? (unsigned)seconds : USUAL_LIMIT;
}

/* What was kept in `file` about `identity`, as a text; nothing when it was about something else. */
static bool read_kept(const char *file, const struct buffer *identity, struct buffer *text)
{
    char path[PATH_ROOM];
    const size_t size = identity->size;
    bool good = !identity->failed && place_cached(file, path, NULL) && file_read(path, text, NULL);
    buffer_put_u8(text, 0);
    return good && !text->failed && text->size > size + 4 && memcmp(text->data, "of=", 3) == 0 &&
           memcmp(text->data + 3, identity->data, size) == 0 && text->data[size + 3] == '\n';
}

static void keep(const char *file, const struct buffer *identity, const char *lines)
{
    char path[PATH_ROOM];
    struct buffer text = {0};
    text_add(&text, "of=%s\n%s", (const char *)identity->data, lines);
    if (!text.failed && place_cached(file, path, NULL))
        file_write_bytes(path, text.data, text.size, NULL);
    buffer_free(&text);
}

static void first_line(const struct buffer *output, char version[128])
{
    size_t length = 0;
    while (length < output->size && length < 127 && output->data[length] != '\n')
        length++;
    if (length)
        memcpy(version, output->data, length);
    version[length] = 0;
    /* "/usr/bin/wasmedge version 0.14.1": the path is said elsewhere */
    size_t name = strcspn(version, " ");
    while (name > 0 && version[name - 1] != '/')
        name--;
    memmove(version, version + name, length - name + 1);
}

/* host_refused asks for the version unless it is this that failed. */
static const char tell_version[] = "tell its version";

static bool ask_version(const struct host *host, const char *path, char version[128],
                        struct error *error)
{
    static const struct replacement none = {NULL, NULL};
    struct arguments arguments = {0};
    struct buffer output = {0};
    int status = 0;
    arguments_add(&arguments, "%s", path);
    bool good = words_add(&arguments, host->version, &none, error) &&
                process_capture(&arguments, -1, limit(), &output, &status, error);
    first_line(&output, version);
    if (good && status != 0) {
        snprintf(version, 128, "version not known");
        good = host_refused(host, tell_version, &arguments, status, &output, error);
    }
    buffer_free(&output);
    arguments_free(&arguments);
    return good;
}

bool host_version(const struct host *host, const char *path, char version[128], struct error *error)
{
    char file[64], line[160];
    struct buffer text = {0}, identity = {0};
    snprintf(version, 128, "(prints none)");
    if (!host->version)
        return true;
    if (!place_identity(path, &identity)) {
        buffer_free(&identity);
        return ask_version(host, path, version, error);
    }
    snprintf(file, sizeof file, "%s.version", host->name);
    bool good = read_kept(file, &identity, &text) &&
                file_value((const char *)text.data, "version", version, 128);
    if (!good && (good = ask_version(host, path, version, error))) {
        snprintf(line, sizeof line, "version=%s\n", version);
        keep(file, &identity, line);
    }
    buffer_free(&text);
    buffer_free(&identity);
    return good;
}

/* Lets Yadokari inside the host wait, with a time limit, for an input that never comes, say how
 * that went, and end with 200. */
static bool ask_abilities(const struct host *host, struct abilities *abilities, struct error *error)
{
    int silence[2], status = 0;
    struct arguments arguments = {0};
    struct buffer output = {0};
    if (pipe2(silence, O_CLOEXEC) != 0)
        return error_set(error, ERROR_IO, "no pipe to be had");
    bool good = host_command(host, NULL, NULL, &arguments, error);
    arguments_add(&arguments, "%s", "can-wait");
    bool shows = !progress_is_on();
    if (shows)
        progress_begin("asking %s", host->name);
    good = good && process_capture(&arguments, silence[0], limit(), &output, &status, error);
    if (shows)
        progress_end();
    if (good && !WIFEXITED(status))
        good = host_refused(host, "run Yadokari", &arguments, status, &output, error);
    buffer_put_u8(&output, 0);
    const char *said = output.failed ? "" : (const char *)output.data;
    snprintf(abilities->waits, sizeof abilities->waits, "%s",
             strncmp(said, "yes", 3) == 0  ? "yes"
             : strncmp(said, "no", 2) == 0 ? "no"
                                           : "not known");
    snprintf(abilities->exit_code, sizeof abilities->exit_code,
             strcmp(abilities->waits, "not known") == 0 ? "not known" : "%d", WEXITSTATUS(status));
    close(silence[0]);
    close(silence[1]);
    buffer_free(&output);
    arguments_free(&arguments);
    return good;
}

static bool read_abilities(const char *file, const struct buffer *identity,
                           struct abilities *abilities)
{
    struct buffer text = {0};
    bool good =
        read_kept(file, identity, &text) &&
        file_value((const char *)text.data, "waits", abilities->waits, sizeof abilities->waits) &&
        file_value((const char *)text.data, "exit-code", abilities->exit_code,
                   sizeof abilities->exit_code);
    buffer_free(&text);
    return good;
}

bool host_abilities(const struct host *host, const char *path, struct abilities *abilities,
                    struct error *error)
{
    char file[64], module[PATH_ROOM], lines[64];
    struct buffer identity = {0};
    if (!place_yadokari(host->build, module, error))
        return false;
    bool known = place_identity(path, &identity);
    text_add(&identity, "; ");
    known = known && place_identity(module, &identity);
    text_add(&identity, "; %s", host->run);
    snprintf(file, sizeof file, "%s.abilities", host->name);
    bool good = known && read_abilities(file, &identity, abilities);
    if (!good && (good = ask_abilities(host, abilities, error)) && known && !identity.failed) {
        snprintf(lines, sizeof lines, "waits=%s\nexit-code=%s\n", abilities->waits,
                 abilities->exit_code);
        keep(file, &identity, lines);
    }
    buffer_free(&identity);
    return good;
}

char *host_label(const struct host *host, char label[256])
{
    char program[PATH_ROOM], version[128];
    if (!host)
        snprintf(label, 256, "the native host");
    else if (!host_find(host, program, NULL) || !host_version(host, program, version, NULL))
        snprintf(label, 256, "host %s (version not known)", host->name);
    else
        snprintf(label, 256, "host %s (%s)", host->name, version);
    return label;
}

bool host_refused(const struct host *host, const char *what, const struct arguments *arguments,
                  int status, const struct buffer *output, struct error *error)
{
    char label[256], command[1024], printed[304] = "nothing";
    if (strcmp(what, tell_version) == 0)
        snprintf(label, sizeof label, "host %s (version not known)", host->name);
    else
        host_label(host, label);
    if (output && output->size)
        snprintf(printed, sizeof printed, "%.*s", (int)(output->size < 300 ? output->size : 300),
                 (const char *)output->data);
    for (char *at = printed; *at; at++)
        if (*at == '\n')
            *at = ' '; /* a message is one line */
    return error_set(error, ERROR_IO, "%s did not %s: %s %d; it printed: %s; command: %s", label,
                     what, WIFSIGNALED(status) ? "signal" : "exit code",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), printed,
                     arguments_text(arguments, command, sizeof command));
}
