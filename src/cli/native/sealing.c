#include "cli/native/sealing.h"

#include <stdio.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/hex.h"
#include "cli/native/hosts/cache.h"
#include "cli/native/hosts/compiled.h"
#include "cli/native/hosts/places.h"
#include "cli/seal_file.h"

bool runtime_read(const char *given, struct buffer *bytes, struct error *error)
{
    char path[PATH_ROOM];
    return given ? file_read(given, bytes, error)
                 : place_runtime(path, error) && file_read(path, bytes, error);
}

/* As large as it takes, of few sizes: each is a module of its own. 0: the usual one. At most what
 * 4 GiB have beside the rest of the runtime. */
static uint64_t heap_for(uint64_t snapshot)
{
    const uint64_t usual = 16 << 20, most = (uint64_t)4000 << 20;
    uint64_t heap = usual;
    while (heap - usual / 2 < snapshot)
        heap *= 2;
    if (heap > most && snapshot <= most - usual / 2)
        heap = most;
    return heap == usual ? 0 : heap;
}

static struct seal_options options_for(const struct host *host, uint64_t snapshot)
{
    const char *features = host->features;
    if (!features && strcmp(host->build, "switch") != 0)
        features = strcmp(host->build, "tail") == 0 ? "bulk-memory,tail-calls" : "bulk-memory";
    struct seal_options options = {.names = true, .heap = heap_for(snapshot)};
    (void)take_features(features, &options, NULL); /* they were right when the host was read */
    return options;
}

/* Named after what it is made of and by: the module, the options, the runtime, this executable. */
static bool cached(struct span bytes, const struct seal_options *options, char path[PATH_ROOM],
                   struct error *error)
{
    char runtime[PATH_ROOM], file[64] = "";
    struct buffer identity = {0};
    uint8_t hash[DIGEST_SIZE];
    if (!place_runtime(runtime, error))
        return false;
    struct digest *digest = digest_begin();
    if (!digest)
        return error_set(error, ERROR_MEMORY, "no memory for a digest");
    digest_add(digest, bytes.data, bytes.size);
    uint32_t flags = seal_flags(options);
    digest_add(digest, &options->heap, sizeof options->heap);
    digest_add(digest, &flags, sizeof flags);
    const char *const makers[] = {runtime, "/proc/self/exe"};
    for (int i = 0; i < 2; i++)
        place_identity(makers[i], &identity);
    digest_add(digest, identity.data, identity.size);
    digest_end(digest, hash);
    bool good = !identity.failed || error_set(error, ERROR_MEMORY, "no memory for a digest");
    buffer_free(&identity);
    char *end = hex_text(hash, 16, file);
    snprintf(end, sizeof file - 32, ".sealed.wasm");
    return good && place_cached(file, path, error);
}

bool sealed_is_there(const struct host *host, struct span bytes)
{
    const struct seal_options options = options_for(host, 0);
    char path[PATH_ROOM];
    return cached(bytes, &options, path, NULL) && access(path, R_OK) == 0 &&
           compiled_is_there(host, path);
}

bool sealed_module(const struct host *host, const char *path, struct span bytes, uint64_t snapshot,
                   char sealed[PATH_ROOM], struct error *error)
{
    const struct seal_options options = options_for(host, snapshot);
    if (!cached(bytes, &options, sealed, error))
        return false;
    if (access(sealed, R_OK) == 0) {
        cache_used(sealed);
        return true;
    }
    int lock = cache_lock(sealed);
    bool good = access(sealed, R_OK) == 0 ||
                seal_to_file(path, bytes, &options, (struct span){0}, NULL, sealed, error);
    cache_unlock(lock, sealed, good);
    return good;
}
