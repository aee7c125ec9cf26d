#include "cli/native/envelopes.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "state/save.h"

/* ---- keys */

static bool load_public(struct public_key *keys, const struct list *list, const char *option,
                        struct error *error)
{
    if (list->count > RECIPIENTS_MAX)
        return error_set(error, ERROR_USAGE, "%s: more than %u keys", option,
                         (unsigned)RECIPIENTS_MAX);
    for (uint32_t i = 0; i < list->count; i++)
        if (!public_key_read(&keys[i], list->items[i], error))
            return error_prefix(error, "%s", option);
    return true;
}

static bool load_secret(struct secret_key *keys, const struct list *list, const char *option,
                        struct error *error)
{
    if (list->count > RECIPIENTS_MAX)
        return error_set(error, ERROR_USAGE, "%s: more than %u keys", option,
                         (unsigned)RECIPIENTS_MAX);
    for (uint32_t i = 0; i < list->count; i++)
        if (!secret_key_read(&keys[i], list->items[i], error))
            return error_prefix(error, "%s", option);
    return true;
}

bool envelopes_wrap(const struct snapshot_options *options)
{
    return options->sign || options->encrypt_to.count;
}

bool envelopes_asked_for(const struct snapshot_options *options)
{
    return envelopes_wrap(options) || options->require_signature.count ||
           options->decrypt_with.count;
}

/* ---- writing */

static bool wrap_begin(void *context, const struct sink *file, struct sink *wrapped,
                       struct error *error)
{
    struct envelopes *envelopes = context;
    if (!envelope_begin(&envelopes->writer, envelopes->signs ? &envelopes->signer : NULL,
                        envelopes->recipients, envelopes->nrecipients, file, &envelopes->written,
                        error))
        return false;
    *wrapped = (struct sink){envelope_write, envelopes->writer};
    return true;
}

static bool wrap_end(void *context, bool good, struct error *error)
{
    struct envelopes *envelopes = context;
    return envelope_end(envelopes->writer, good, error);
}

/* ---- reading */

static bool read_descriptor(void *context, uint8_t *bytes, size_t size, size_t *got,
                            struct error *error)
{
    const int *file = context;
    ssize_t count;
    do
        count = read(*file, bytes, size);
    while (count < 0 && errno == EINTR);
    *got = count > 0 ? (size_t)count : 0;
    return count >= 0 || error_set(error, ERROR_IO, "cannot be read: %s", strerror(errno));
}

/* Reads all of it, so that it is known to be what it claims to be. */
static bool verify(struct envelope_reader *reader, struct error *error)
{
    uint8_t bytes[4096];
    size_t got = 1;
    while (got > 0)
        if (!envelope_read(reader, bytes, sizeof bytes, &got, error))
            return false;
    sodium_memzero(bytes, sizeof bytes);
    return true;
}

/* In two passes, so that a base needs no memory: the first tells whether it is good, and the second
 * tells again, should it be changed in between. */
static bool begin_reading(struct envelopes *envelopes, struct error *error)
{
    struct source file = {read_descriptor, &envelopes->file};
    if (!envelope_open(&envelopes->reader, &file, &envelopes->keys, error))
        return false;
    if (!envelope_is_one(envelopes->reader))
        return true;
    if (!verify(envelopes->reader, error))
        return false;
    envelope_close(envelopes->reader);
    envelopes->reader = NULL;
    if (lseek(envelopes->file, 0, SEEK_SET) != 0)
        return error_set(error, ERROR_IO, "cannot be read twice: %s", strerror(errno));
    return envelope_open(&envelopes->reader, &file, &envelopes->keys, error);
}

static bool unwrap_begin(void *context, const char *path, struct source *snapshot,
                         struct error *error)
{
    struct envelopes *envelopes = context;
    struct error why = {.offset = ERROR_NO_OFFSET};
    envelopes->reader = NULL;
    envelopes->file = open(path, O_RDONLY | O_CLOEXEC);
    if (envelopes->file < 0)
        error_set(&why, ERROR_IO, "%s", strerror(errno));
    if (envelopes->file < 0 || !begin_reading(envelopes, &why))
        return error_set(error, ERROR_SNAPSHOT, "the base %s cannot be used: %s", path,
                         why.message);
    *snapshot = (struct source){envelope_read, envelopes->reader};
    return true;
}

static void unwrap_end(void *context)
{
    struct envelopes *envelopes = context;
    envelope_close(envelopes->reader);
    envelopes->reader = NULL;
    if (envelopes->file >= 0)
        close(envelopes->file);
    envelopes->file = -1;
}

/* ---- all of it */

bool envelopes_load(struct envelopes *envelopes, const struct snapshot_options *options,
                    struct error *error)
{
    *envelopes = (struct envelopes){.signs = options->sign != NULL,
                                    .nrecipients = options->encrypt_to.count,
                                    .wrapping = {wrap_begin, wrap_end, envelopes},
                                    .unwrapping = {unwrap_begin, unwrap_end, envelopes},
                                    .file = -1};
    envelopes->keys = (struct envelope_keys){.required = envelopes->required,
                                             .nrequired = options->require_signature.count,
                                             .secrets = envelopes->secrets,
                                             .nsecrets = options->decrypt_with.count};
    if (options->sign && !secret_key_read(&envelopes->signer, options->sign, error))
        return error_prefix(error, "--sign");
    return load_public(envelopes->recipients, &options->encrypt_to, "--encrypt-to", error) &&
           load_public(envelopes->required, &options->require_signature, "--require-signature",
                       error) &&
           load_secret(envelopes->secrets, &options->decrypt_with, "--decrypt-with", error);
}

void envelopes_wipe(struct envelopes *envelopes)
{
    sodium_memzero(envelopes, sizeof *envelopes);
}

/* The keys that have been read when the command began, or else now. */
static struct envelopes *keys_of(const struct snapshot_options *options, struct envelopes *own,
                                 struct error *error)
{
    if (options->envelopes)
        return options->envelopes;
    return envelopes_load(own, options, error) ? own : NULL;
}

static bool read_whole(struct envelope_reader *reader, struct buffer *contents, const char *path,
                       struct error *error)
{
    enum { PIECE = 1 << 16 };
    size_t got = 1;
    while (got > 0) {
        uint8_t *at = buffer_extend(contents, PIECE);
        if (!at)
            return error_set(error, ERROR_MEMORY, "no memory to read %s", path);
        bool good = envelope_read(reader, at, PIECE, &got, error);
        contents->size -= PIECE - got;
        if (!good)
            return false;
    }
    return true;
}

bool envelopes_read(const char *path, const struct snapshot_options *options,
                    struct buffer *contents, struct error *error)
{
    struct envelopes own, *envelopes;
    struct envelope_keys keys = {0};
    struct envelope_reader *reader = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    const struct source source = {read_descriptor, &file};
    if (file < 0)
        return error_set(error, ERROR_IO, "cannot open %s: %s", path, strerror(errno));
    bool good = (envelopes = keys_of(options, &own, error));
    if (good)
        keys = envelopes->keys;
    if (good && options->reads_own) { /* whoever else is to read it */
        keys.nrequired = 0;
        keys.written = &envelopes->written;
    }
    good = good && envelope_open(&reader, &source, &keys, error) &&
           read_whole(reader, contents, path, error);
    if (!good && error && error->kind == ERROR_IO)
        error_prefix(error, "%s", path);
    envelope_close(reader);
    if (!options->envelopes)
        envelopes_wipe(&own);
    close(file);
    return good;
}

bool envelope_at(const char *path)
{
    char magic[8];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_one = file >= 0 && pread(file, magic, sizeof magic, 0) == (ssize_t)sizeof magic &&
                  memcmp(magic, ENVELOPE_MAGIC, sizeof magic) == 0;
    if (file >= 0)
        close(file);
    return is_one;
}

bool envelopes_facts(const char *path, struct envelope_facts *facts, struct error *error)
{
    uint8_t header[ENVELOPE_HEADER_SIZE];
    *facts = (struct envelope_facts){.is_one = envelope_at(path)};
    if (!facts->is_one)
        return true;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool good = file >= 0 && pread(file, header, sizeof header, 0) == (ssize_t)sizeof header;
    if (file >= 0)
        close(file);
    if (!good)
        return error_set(error, ERROR_IO, "cannot read %s", path);
    if (!sodium_is_zero(header + 16, KEY_SIZE))
        sodium_bin2hex(facts->signer, sizeof facts->signer, header + 16, KEY_SIZE);
    facts->recipients = get_le32(header + 12);
    return true;
}

bool incoming_describe(const char *path, void (*line)(void *context, const char *text),
                       struct error *error)
{
    struct envelope_facts facts;
    char text[160], keys[40] = "";
    if (!envelopes_facts(path, &facts, error))
        return false;
    if (!facts.is_one)
        return true;
    if (facts.recipients)
        snprintf(keys, sizeof keys, ", encrypted to %u key%s", facts.recipients,
                 facts.recipients > 1 ? "s" : "");
    snprintf(text, sizeof text, "envelope: %s%.16s%s", *facts.signer ? "signed by " : "not signed",
             facts.signer, keys);
    line(NULL, text);
    return true;
}

/* ---- copies */

static bool fill_from_file(void *context, const struct sink *to, uint64_t dev, uint64_t ino,
                           struct error *error)
{
    const int *file = context;
    uint8_t bytes[1 << 16];
    size_t got = 1;
    (void)dev, (void)ino;
    while (got > 0)
        if (!read_descriptor(context, bytes, sizeof bytes, &got, error) ||
            (got && !to->write(to->context, bytes, got, error)))
            return false;
    return *file >= 0;
}

static bool fill_from_buffer(void *context, const struct sink *to, uint64_t dev, uint64_t ino,
                             struct error *error)
{
    const struct buffer *bytes = context;
    (void)dev, (void)ino;
    return to->write(to->context, bytes->data, bytes->size, error);
}

static bool save(const struct snapshot_options *options, struct saving saving, const char *path,
                 uint64_t *size, struct error *error)
{
    struct envelopes own, *envelopes = keys_of(options, &own, error);
    bool good = envelopes != NULL;
    if (good) {
        saving.wrapping = envelopes_wrap(options) ? &envelopes->wrapping : NULL;
        saving.sync = options->sync;
        good = file_save(&saving, path, size, error);
    }
    if (!options->envelopes)
        envelopes_wipe(&own);
    return good;
}

bool envelopes_copy(const struct snapshot_options *options, const char *from, const char *path,
                    uint32_t keep, uint64_t *size, struct error *error)
{
    int file = open(from, O_RDONLY | O_CLOEXEC);
    struct saving saving = {.fill = fill_from_file, .context = &file, .keep = keep};
    if (file < 0)
        return error_set(error, ERROR_IO, "cannot open %s: %s", from, strerror(errno));
    bool good = save(options, saving, path, size, error);
    close(file);
    return good;
}

bool envelopes_put(const struct snapshot_options *options, const struct buffer *bytes,
                   const char *path, uint64_t *size, struct error *error)
{
    struct buffer own = *bytes;
    struct saving saving = {.fill = fill_from_buffer, .context = &own};
    return save(options, saving, path, size, error);
}
