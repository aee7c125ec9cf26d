#include "cli/native/hosts/compiled.h"

#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/hex.h"
#include "cli/native/hosts/cache.h"
#include "cli/native/hosts/places.h"
#include "cli/native/hosts/words.h"
#include "cli/progress.h"
#include "state/hash.h"

struct entry {
    char compiled[PATH_ROOM];
    char checksum[PATH_ROOM];
};

static bool name_entry(const struct host *host, const struct buffer *key, struct entry *entry,
                       struct error *error)
{
    char file[160], id[17];
    uint8_t hash[DIGEST_SIZE];
    digest_of(key->data, key->size, hash);
    hex_text(hash, 8, id);
    snprintf(file, sizeof file, "%.100s-%s.compiled", host->name, id);
    if (!place_cached(file, entry->compiled, error))
        return false;
    snprintf(file, sizeof file, "%.100s-%s.checksum", host->name, id);
    return place_cached(file, entry->checksum, error);
}

static bool find_entry(const struct host *host, const char *program, const char *compiler,
                       const char *module, struct entry *entry, struct error *error)
{
    char version[128];
    struct buffer key = {0};
    bool good = host_version(host, program, version, error) && file_read(module, &key, error);
    buffer_put(&key, version, strlen(version));
    place_identity(compiler, &key);
    buffer_put(&key, host->compile, strlen(host->compile));
    if (good && key.failed)
        good = error_set(error, ERROR_MEMORY, "no memory to read %s", module);
    good = good && name_entry(host, &key, entry, error);
    buffer_free(&key);
    return good;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static FTS *open_tree(const char *path)
{
    char *const roots[] = {(char *)(uintptr_t)path, NULL};
    return fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
}

/* Its own name, when it is all that was compiled, does not count. */
static bool sum_file(const FTSENT *file, struct checksum *checksum, size_t *size)
{
    struct buffer bytes = {0};
    bool good = file_read(file->fts_path, &bytes, NULL);
    if (file->fts_level > 0)
        checksum_add(checksum, file->fts_name, strlen(file->fts_name));
    checksum_add(checksum, bytes.data, bytes.size);
    *size += bytes.size;
    buffer_free(&bytes);
    return good;
}

/* The lines that belong beside what was compiled; false when it cannot be read. */
static bool checksum_lines(const char *compiled, char lines[80])
{
    size_t size = 0;
    struct checksum *checksum = checksum_create();
    FTS *tree = open_tree(compiled);
    bool good = checksum && tree;
    for (const FTSENT *entry; good && (entry = fts_read(tree));)
        good = entry->fts_info == FTS_F ? sum_file(entry, checksum, &size)
                                        : entry->fts_info == FTS_D || entry->fts_info == FTS_DP;
    snprintf(lines, 80, "size=%zu\nchecksum=%016" PRIx64 "\n", size,
             good ? checksum_value(checksum) : 0);
    if (tree)
        fts_close(tree);
    checksum_destroy(checksum);
    return good;
}

static bool undamaged(const struct entry *entry)
{
    char lines[80];
    struct buffer text = {0};
    bool good = file_read(entry->checksum, &text, NULL);
    buffer_put_u8(&text, 0);
    good = good && !text.failed && checksum_lines(entry->compiled, lines) &&
           strcmp(lines, (const char *)text.data) == 0;
    buffer_free(&text);
    return good;
}

static bool compile(const struct host *host, const char *compiler, const char *module,
                    const char *output_file, struct error *error)
{
    struct arguments arguments = {0};
    struct buffer output = {0};
    int status = 0;
    const struct replacement replacements[] = {
        {"{module}", module}, {"{output}", output_file}, {NULL, NULL}};
    arguments_add(&arguments, "%s", compiler);
    progress_begin("compiling for %s", host->name);
    bool good = words_add(&arguments, host->compile, replacements, error) &&
                process_capture(&arguments, -1, 0, &output, &status, error);
    progress_end();
    if (good && (status != 0 || !file_exists(output_file)))
        good = host_refused(host, "compile the module", &arguments, status, &output, error);
    buffer_free(&output);
    arguments_free(&arguments);
    return good;
}

/* Under another name, so that nobody sees a part of it. */
static bool make(const struct host *host, const char *compiler, const char *module,
                 const struct entry *entry, struct error *error)
{
    char temporary[PATH_ROOM], lines[80];
    const char *path = entry->compiled;
    if (!path_set(temporary, error, "%s.part", path))
        return false;
    bool good = compile(host, compiler, module, temporary, error);
    if (good && !checksum_lines(temporary, lines))
        good = error_set(error, ERROR_IO, "cannot read %s", temporary);
    if (good && rename(temporary, path) != 0) {
        remove_tree(path); /* a folder cannot be renamed over another */
        if (rename(temporary, path) != 0)
            good = error_set(error, ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    }
    if (!good)
        remove_tree(temporary);
    return good && file_write(entry->checksum, lines, error);
}

bool compiled_module(const struct host *host, const char *program, const char *module,
                     char path[PATH_ROOM], struct error *error)
{
    struct entry entry;
    char compiler[PATH_ROOM];
    if (!path_set(compiler, error, "%s", program) ||
        (host->compiler && !place_program(host->compiler, host->name, compiler, error)) ||
        !find_entry(host, program, compiler, module, &entry, error))
        return false;
    if (!path_set(path, error, "%s", entry.compiled))
        return false;
    if (undamaged(&entry)) {
        cache_used(path);
        return true;
    }
    int lock = cache_lock(path);
    bool good = undamaged(&entry) || make(host, compiler, module, &entry, error);
    cache_unlock(lock, path, good);
    return good;
}

bool compiled_is_there(const struct host *host, const char *module)
{
    struct entry entry;
    char program[PATH_ROOM], compiler[PATH_ROOM];
    return !host->compile ||
           (place_program(host->program, host->name, program, NULL) &&
            place_program(host->compiler ? host->compiler : host->program, host->name, compiler,
                          NULL) &&
            find_entry(host, program, compiler, module, &entry, NULL) && undamaged(&entry));
}
