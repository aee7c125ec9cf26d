#include "cli/native/hosts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/file.h"
#include "state/snapshot.h"

#define SWITCH "yadokari.wasm"
#define TAIL   "yadokari-tail.wasm"

const struct host hosts[] = {
    {"wasmtime", "wasmtime", "--version", "compile IN -o OUT", "run --allow-precompiled",
     "--dir DIR", NULL, SWITCH, "compiled (Cranelift)"},
    {"node", "node", "--version", NULL, "--no-warnings SCRIPT", "--dir DIR", NULL, SWITCH,
     "compiled (V8), through node:wasi"},
    {"wasmedge", "wasmedge", "--version", NULL, "--enable-tail-call", "--dir DIR:DIR", NULL, TAIL,
     "interpreted in place"},
    {"wasmedge-aot", "wasmedge", "--version", "compile IN OUT", "", "--dir DIR:DIR", NULL, SWITCH,
     "compiled ahead of time (LLVM)"},
    {"wazero", "wazero", "version", NULL, "run -cachedir=CACHE", "-mount=DIR:DIR", NULL, SWITCH,
     "compiled"},
    {"wazero-interp", "wazero", "version", NULL, "run -interpreter", "-mount=DIR:DIR", NULL, SWITCH,
     "interpreted"},
    {"wasmi", "wasmi", "--version", NULL, "run", "--dir DIR", NULL, SWITCH,
     "interpreted, translated first"},
    {"iwasm", "iwasm", NULL, NULL, "--stack-size=65536", "--dir=DIR", NULL, SWITCH,
     "interpreted, translated first; loses exit codes by itself"},
    {.name = NULL},
};

const struct host *host_named(const char *name, struct error *error)
{
    char names[256] = "native";
    for (const struct host *host = hosts; host->name; host++) {
        if (strcmp(host->name, name) == 0)
            return host;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, ", %s", host->name);
    }
    error_set(error, ERROR_USAGE, "unknown host %s; there are: %s", name, names);
    return NULL;
}

static void tools_directory(char path[512])
{
    const char *tools = getenv("YADO_TOOLS"), *cache = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    if (tools && *tools)
        snprintf(path, 512, "%s", tools);
    else if (cache && *cache)
        snprintf(path, 512, "%s/yadokari/tools", cache);
    else
        snprintf(path, 512, "%s/.cache/yadokari/tools", home ? home : "");
}

static bool in_path(const char *program, char path[1024])
{
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t length = strcspn(at, ":");
        snprintf(path, 1024, "%.*s/%s", (int)length, at, program);
        if (length && access(path, X_OK) == 0)
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

bool host_find(const struct host *host, char path[1024], struct error *error)
{
    char variable[64] = "YADO_", tools[512];
    for (size_t i = 0; host->program[i]; i++)
        variable[5 + i] = (char)toupper((unsigned char)host->program[i]);
    const char *given = getenv(variable);
    if (given && *given) {
        snprintf(path, 1024, "%s", given);
        return access(path, X_OK) == 0 ||
               error_set(error, ERROR_IO, "%s=%s: %s", variable, given, strerror(errno));
    }
    tools_directory(tools);
    snprintf(path, 1024, "%s/bin/%s", tools, host->program);
    if (access(path, X_OK) == 0 || in_path(host->program, path))
        return true;
    return error_set(error, ERROR_IO,
                     "host %s is not installed: %s is neither in %s/bin nor in $PATH, and $%s is "
                     "not set (scripts/setup.sh --only hosts installs it)",
                     host->name, host->program, tools, variable);
}

/* Makes a path's directories. */
static void make_directories(char *path)
{
    for (char *at = path + 1; *at; at++)
        if (*at == '/') {
            *at = 0;
            mkdir(path, 0755);
            *at = '/';
        }
}

static void cache_path(const char *file, char path[1024])
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache)
        snprintf(path, 1024, "%s/yadokari/compiled/%s", cache, file);
    else
        snprintf(path, 1024, "%s/.cache/yadokari/compiled/%s", home ? home : "/tmp", file);
    make_directories(path);
}

static bool ask_version(const struct host *host, const char *path, char version[128],
                        struct error *error)
{
    struct arguments arguments = {0};
    struct buffer output = {0};
    int status;
    version[0] = 0;
    arguments_add(&arguments, "%s", path);
    arguments_add(&arguments, "%s", host->version);
    bool good = process_capture(&arguments, -1, &output, &status, error);
    size_t length = 0;
    while (length < output.size && length < 127 && output.data[length] != '\n')
        length++;
    if (length)
        memcpy(version, output.data, length);
    version[length] = 0;
    /* "/usr/bin/wasmedge version 0.14.1": the path is said elsewhere */
    char *slash = strrchr(version, '/');
    if (slash && strchr(slash, ' '))
        memmove(version, slash + 1, strlen(slash));
    buffer_free(&output);
    arguments_free(&arguments);
    return good;
}

/* Asking a host takes as long as starting it: the answer is kept for as long as its program's file
 * is the same. */
bool host_version(const struct host *host, const char *path, char version[128], struct error *error)
{
    char file[64], kept[1024], key[1200], found[1200] = "";
    struct buffer text = {0};
    struct stat program;
    if (!host->version) {
        snprintf(version, 128, "(prints none)");
        return true;
    }
    snprintf(file, sizeof file, "%s.version", host->name);
    cache_path(file, kept);
    if (stat(path, &program) != 0)
        return ask_version(host, path, version, error);
    snprintf(key, sizeof key, "%s %lld %lld.%09ld", path, (long long)program.st_size,
             (long long)program.st_mtim.tv_sec, program.st_mtim.tv_nsec);
    bool good = file_read(kept, &text, NULL);
    buffer_put_u8(&text, 0);
    good = good && !text.failed &&
           file_value((const char *)text.data, "program", found, sizeof found) &&
           strcmp(found, key) == 0 && file_value((const char *)text.data, "version", version, 128);
    buffer_free(&text);
    if (good)
        return true;
    if (!ask_version(host, path, version, error))
        return false;
    char lines[1500];
    snprintf(lines, sizeof lines, "program=%s\nversion=%s\n", key, version);
    file_write(kept, lines, NULL);
    return true;
}

/* A file that comes with this command: $YADOKARI_..., beside the executable, or in the checkout. */
static bool companion(const char *variable, const char *const *places, char path[1024],
                      struct error *error)
{
    char self[768] = "";
    const char *given = getenv(variable);
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    if (given && *given) {
        snprintf(path, 1024, "%s", given);
        return access(path, R_OK) == 0 ||
               error_set(error, ERROR_IO, "%s=%s: %s", variable, given, strerror(errno));
    }
    for (; *places; places++) {
        snprintf(path, 1024, "%s/%s", self, *places);
        if (access(path, R_OK) == 0)
            return true;
    }
    return error_set(error, ERROR_IO, "%s is missing, and $%s does not say where it is", path,
                     variable);
}

/* $YADOKARI_WASM stands for all builds. */
static bool yadokari_wasm(const struct host *host, char path[1024], struct error *error)
{
    char shared[64];
    const char *const places[] = {host->module, shared, NULL};
    snprintf(shared, sizeof shared, "../share/yadokari/%s", host->module);
    return companion("YADOKARI_WASM", places, path, error);
}

static bool node_script(char path[1024], struct error *error)
{
    static const char *const places[] = {"../scripts/hosts/node.mjs", "../share/yadokari/node.mjs",
                                         NULL};
    return companion("YADOKARI_NODE_SCRIPT", places, path, error);
}

/* Words of `template`, with IN, OUT, DIR, SCRIPT and CACHE replaced, as arguments. */
struct replacement {
    const char *key;
    const char *value;
};

static void add_word(struct arguments *arguments, const char *word, size_t length,
                     const struct replacement *replacements)
{
    char text[4096];
    size_t used = 0;
    for (size_t i = 0; i < length && used + 1 < sizeof text;) {
        const struct replacement *r = replacements;
        while (r->key &&
               (strlen(r->key) > length - i || strncmp(word + i, r->key, strlen(r->key)) != 0))
            r++;
        if (r->key) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s", r->value);
            i += strlen(r->key);
        } else {
            text[used++] = word[i++];
        }
    }
    text[used < sizeof text ? used : sizeof text - 1] = 0;
    arguments_add(arguments, "%s", text);
}

static void add_words(struct arguments *arguments, const char *template,
                      const struct replacement *replacements)
{
    while (*template) {
        size_t length = strcspn(template, " ");
        if (length)
            add_word(arguments, template, length, replacements);
        template += length + (template[length] == ' ');
    }
}

/* Compiles yadokari.wasm for the host unless that has been done for this version of both. */
static bool compiled_module(const struct host *host, const char *program, const char *module,
                            char path[1024], struct error *error)
{
    char version[128], file[256], temporary[1040], command[2048];
    uint8_t hash[MODULE_HASH_SIZE];
    struct buffer bytes = {0}, output = {0};
    struct arguments arguments = {0};
    int status = 0;
    if (!host_version(host, program, version, error) || !file_read(module, &bytes, error)) {
        buffer_free(&bytes);
        return false;
    }
    buffer_put(&bytes, version, strlen(version));
    digest_of(bytes.data, bytes.size, hash);
    buffer_free(&bytes);
    snprintf(file, sizeof file, "%s-%02x%02x%02x%02x%02x%02x%02x%02x.compiled", host->name, hash[0],
             hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]);
    cache_path(file, path);
    if (access(path, R_OK) == 0)
        return true;
    snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
    arguments_add(&arguments, "%s", program);
    add_words(&arguments, host->compile,
              (struct replacement[]){{"IN", module}, {"OUT", temporary}, {NULL, NULL}});
    bool good = process_capture(&arguments, -1, &output, &status, error);
    if (good && status != 0)
        good =
            error_set(error, ERROR_IO, "%s (%s) cannot compile Yadokari: %.200s; it printed: %.*s",
                      host->name, version, arguments_text(&arguments, command, sizeof command),
                      (int)(output.size < 150 ? output.size : 150), (const char *)output.data);
    if (good && rename(temporary, path) != 0)
        good = error_set(error, ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    buffer_free(&output);
    arguments_free(&arguments);
    return good;
}

bool host_command(const struct host *host, const char *const *directories, size_t ndirectories,
                  struct arguments *arguments, struct error *error)
{
    char program[1024], module[1024], script[1024] = "", compiled[1024], cache[1024];
    if (!host_find(host, program, error) || !yadokari_wasm(host, module, error) ||
        (strstr(host->run, "SCRIPT") && !node_script(script, error)))
        return false;
    if (host->compile && !compiled_module(host, program, module, compiled, error))
        return false;
    cache_path("wazero/", cache);
    arguments_add(arguments, "%s", program);
    add_words(arguments, host->run,
              (struct replacement[]){{"SCRIPT", script}, {"CACHE", cache}, {NULL, NULL}});
    for (size_t i = 0; i < ndirectories; i++)
        add_words(arguments, host->directory,
                  (struct replacement[]){{"DIR", directories[i]}, {NULL, NULL}});
    arguments_add(arguments, "%s", host->compile ? compiled : module);
    if (host->separator)
        arguments_add(arguments, "%s", host->separator);
    return true;
}
