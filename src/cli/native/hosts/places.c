#include "cli/native/hosts/places.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *given(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

static void cache_directory(char path[512])
{
    const char *cache = given("XDG_CACHE_HOME"), *home = given("HOME");
    if (cache)
        snprintf(path, 512, "%s/yadokari", cache);
    else
        snprintf(path, 512, "%s/.cache/yadokari", home ? home : "/tmp");
}

static void tools_directory(char path[520])
{
    const char *tools = given("YADO_TOOLS");
    char cache[512];
    cache_directory(cache);
    snprintf(path, 520, tools ? "%s" : "%s/tools", tools ? tools : cache);
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

static bool usable(const char *what, const char *path, int mode, struct error *error)
{
    return access(path, mode) == 0 ||
           error_set(error, ERROR_IO, "%s%s: %s", what, path, strerror(errno));
}

bool place_program(const char *program, const char *user, char path[1024], struct error *error)
{
    char variable[64] = "YADO_", tools[520], what[128];
    if (*program == '/') {
        snprintf(path, 1024, "%s", program);
        snprintf(what, sizeof what, "host %s is not installed: ", user);
        return usable(what, path, X_OK, error);
    }
    for (size_t i = 0; program[i] && i + 6 < sizeof variable; i++)
        variable[5 + i] =
            isalnum((unsigned char)program[i]) ? (char)toupper((unsigned char)program[i]) : '_';
    if (given(variable)) {
        snprintf(path, 1024, "%s", given(variable));
        snprintf(what, sizeof what, "%s=", variable);
        return usable(what, path, X_OK, error);
    }
    tools_directory(tools);
    snprintf(path, 1024, "%s/bin/%s", tools, program);
    if (access(path, X_OK) == 0 || in_path(program, path))
        return true;
    return error_set(error, ERROR_IO,
                     "host %s is not installed: %s is neither in %s/bin nor in $PATH, and $%s is "
                     "not set (docs/hosts.md says what installs it)",
                     user, program, tools, variable);
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

void place_cached(const char *file, char path[1024])
{
    char cache[512];
    cache_directory(cache);
    snprintf(path, 1024, "%s/compiled/%s", cache, file);
    make_directories(path);
}

/* Something that comes with this command: where the variable says, beside the executable, or in the
 * checkout. */
static bool companion(const char *variable, const char *const *places, char path[1024],
                      struct error *error)
{
    char self[768] = "", what[64];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    if (given(variable)) {
        snprintf(path, 1024, "%s", given(variable));
        snprintf(what, sizeof what, "%s=", variable);
        return usable(what, path, R_OK, error);
    }
    for (; *places; places++) {
        snprintf(path, 1024, "%s/%s", self, *places);
        if (access(path, R_OK) == 0)
            return true;
    }
    return error_set(error, ERROR_IO, "%s is missing, and $%s does not say where it is", path,
                     variable);
}

static const struct build {
    const char *name, *variable;
    const char *places[3];
} builds[] = {
#define BUILD(name, variable, file)               \
    {                                             \
        name, variable,                           \
        {                                         \
            file, "../share/yadokari/" file, NULL \
        }                                         \
    }
    BUILD("switch", "YADOKARI_WASM", "yadokari.wasm"),
    BUILD("bulk", "YADOKARI_WASM", "yadokari-bulk.wasm"),
    BUILD("large", "YADOKARI_WASM", "yadokari-large.wasm"),
    BUILD("tail", "YADOKARI_WASM", "yadokari-tail.wasm"),
    BUILD("sockets", "YADOKARI_SOCKETS", "yadokari-sockets.wasm"),
};

static const struct build *build_named(const char *name)
{
    for (size_t i = 0; name && i < sizeof builds / sizeof *builds; i++)
        if (strcmp(builds[i].name, name) == 0)
            return &builds[i];
    return NULL;
}

bool place_is_build(const char *name)
{
    return build_named(name);
}

bool place_yadokari(const char *build, char path[1024], struct error *error)
{
    const struct build *wanted = build_named(build);
    return companion(wanted->variable, wanted->places, path, error);
}

bool place_runtime(char path[1024], struct error *error)
{
    static const char *const places[] = {"yadokari-sealed.wasm",
                                         "../share/yadokari/yadokari-sealed.wasm", NULL};
    return companion("YADOKARI_SEALED", places, path, error);
}

bool place_scripts(char path[1024], struct error *error)
{
    static const char *const places[] = {"../scripts/hosts", "../share/yadokari/hosts", NULL};
    return companion("YADOKARI_SCRIPTS", places, path, error);
}

bool place_identity(const char *path, char identity[1200])
{
    struct stat file;
    if (stat(path, &file) != 0)
        return false;
    snprintf(identity, 1200, "%.1100s %lld %lld.%09ld", path, (long long)file.st_size,
             (long long)file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
    return true;
}
