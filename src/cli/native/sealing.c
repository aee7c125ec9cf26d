#include "cli/native/sealing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "cli/file.h"
#include "cli/seal.h"

/* The runtime that comes with this command: $YADOKARI_SEALED, beside the executable, or installed. */
static bool runtime_path(char path[1024], struct error *error)
{
    static const char *const places[] = {"yadokari-sealed.wasm",
                                         "../share/yadokari/yadokari-sealed.wasm"};
    char self[768] = "";
    const char *given = getenv("YADOKARI_SEALED");
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    if (given && *given) {
        snprintf(path, 1024, "%s", given);
        return access(path, R_OK) == 0 ||
               error_set(error, ERROR_IO, "YADOKARI_SEALED=%s: %s", given, strerror(errno));
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, 1024, "%s/%s", self, places[i]);
        if (access(path, R_OK) == 0)
            return true;
    }
    return error_set(error, ERROR_IO,
                     "%s is missing, and neither --runtime nor $YADOKARI_SEALED says where it is",
                     path);
}

bool runtime_read(const char *given, struct buffer *bytes, struct error *error)
{
    char path[1024];
    return given ? file_read(given, bytes, error)
                 : runtime_path(path, error) && file_read(path, bytes, error);
}

/* What a sealed module is made by and of: this executable, the runtime, the module. */
static bool cache_key(struct span bytes, char key[40], struct error *error)
{
    char runtime[1024], text[200] = "";
    uint8_t hash[DIGEST_SIZE];
    struct stat own = {0}, other = {0};
    if (!runtime_path(runtime, error))
        return false;
    if (stat("/proc/self/exe", &own) != 0 || stat(runtime, &other) != 0)
        return error_set(error, ERROR_IO, "%s: %s", runtime, strerror(errno));
    snprintf(text, sizeof text, "%lld %lld.%09ld %lld %lld.%09ld", (long long)own.st_size,
             (long long)own.st_mtim.tv_sec, own.st_mtim.tv_nsec, (long long)other.st_size,
             (long long)other.st_mtim.tv_sec, other.st_mtim.tv_nsec);
    struct digest *digest = digest_begin();
    if (!digest)
        return error_set(error, ERROR_MEMORY, "no memory for a digest");
    digest_add(digest, text, strlen(text));
    digest_add(digest, bytes.data, bytes.size);
    digest_end(digest, hash);
    for (int i = 0; i < 16; i++)
        snprintf(key + 2 * (size_t)i, 3, "%02x", hash[i]);
    return true;
}

static void cached(const char *key, char path[1024])
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache)
        snprintf(path, 1024, "%s/yadokari/sealed/%s.wasm", cache, key);
    else
        snprintf(path, 1024, "%s/.cache/yadokari/sealed/%s.wasm", home ? home : "/tmp", key);
    for (char *at = path + 1; *at; at++)
        if (*at == '/') {
            *at = 0;
            mkdir(path, 0755);
            *at = '/';
        }
}

bool sealed_is_there(struct span bytes)
{
    char key[40], path[1024];
    if (!cache_key(bytes, key, NULL))
        return false;
    cached(key, path);
    return access(path, R_OK) == 0;
}

bool sealed_module(const char *path, struct span bytes, char sealed[1024], struct error *error)
{
    const struct seal_options options = {.names = true};
    char key[40];
    if (!cache_key(bytes, key, error))
        return false;
    cached(key, sealed);
    return access(sealed, R_OK) == 0 ||
           seal_to_file(path, bytes, &options, (struct span){0}, NULL, sealed, error);
}
