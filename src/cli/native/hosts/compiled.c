#include "cli/native/hosts/compiled.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "cli/file.h"
#include "cli/native/hosts/places.h"
#include "cli/native/hosts/words.h"
#include "state/hash.h"

struct entry {
    char compiled[1024];
    char checksum[1024];
};

static void name_entry(const struct host *host, const struct buffer *key, struct entry *entry)
{
    char file[64];
    uint8_t hash[DIGEST_SIZE];
    digest_of(key->data, key->size, hash);
    int used = snprintf(file, sizeof file, "%s-", host->name);
    for (size_t i = 0; i < 8; i++)
        used += snprintf(file + used, sizeof file - (size_t)used, "%02x", hash[i]);
    snprintf(file + used, sizeof file - (size_t)used, ".compiled");
    place_cached(file, entry->compiled);
    snprintf(file + used, sizeof file - (size_t)used, ".checksum");
    place_cached(file, entry->checksum);
}

static bool find_entry(const struct host *host, const char *program, const char *compiler,
                       const char *module, struct entry *entry, struct error *error)
{
    char version[128], identity[1200] = "";
    struct buffer key = {0};
    place_identity(compiler, identity);
    bool good = host_version(host, program, version, error) && file_read(module, &key, error);
    buffer_put(&key, version, strlen(version));
    buffer_put(&key, identity, strlen(identity));
    buffer_put(&key, host->compile, strlen(host->compile));
    if (good && key.failed)
        good = error_set(error, ERROR_MEMORY, "no memory to read %s", module);
    if (good)
        name_entry(host, &key, entry);
    buffer_free(&key);
    return good;
}

/* The lines that belong beside a compiled file; false when it cannot be read. */
static bool checksum_lines(const char *compiled, char lines[80], struct error *error)
{
    struct buffer bytes = {0};
    bool good = file_read(compiled, &bytes, error);
    snprintf(lines, 80, "size=%zu\nchecksum=%016" PRIx64 "\n", bytes.size,
             good ? checksum_of(bytes.data, bytes.size) : 0);
    buffer_free(&bytes);
    return good;
}

static bool undamaged(const struct entry *entry)
{
    char lines[80];
    struct buffer text = {0};
    bool good = file_read(entry->checksum, &text, NULL);
    buffer_put_u8(&text, 0);
    good = good && !text.failed && checksum_lines(entry->compiled, lines, NULL) &&
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
    bool good = words_add(&arguments, host->compile, replacements, error) &&
                process_capture(&arguments, -1, &output, &status, error);
    if (good && (status != 0 || !file_exists(output_file)))
        good = host_refused(host, "compile the module", &arguments, status, &output, error);
    buffer_free(&output);
    arguments_free(&arguments);
    return good;
}

bool compiled_module(const struct host *host, const char *program, const char *module,
                     char path[1024], struct error *error)
{
    struct entry entry;
    char compiler[1024], temporary[1040], lines[80];
    snprintf(compiler, sizeof compiler, "%s", program);
    if ((host->compiler && !place_program(host->compiler, host->name, compiler, error)) ||
        !find_entry(host, program, compiler, module, &entry, error))
        return false;
    snprintf(path, 1024, "%s", entry.compiled);
    if (undamaged(&entry))
        return true;
    /* A name of its own, so that nobody sees half a file, nor two write one. */
    snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
    bool good = compile(host, compiler, module, temporary, error) &&
                checksum_lines(temporary, lines, error);
    if (good && rename(temporary, path) != 0)
        good = error_set(error, ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    if (!good)
        unlink(temporary);
    return good && file_write(entry.checksum, lines, error);
}
