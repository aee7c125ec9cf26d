/* unwrap.c - the snapshot in an envelope. The mirror image of wrap.c; its bytes are anybody's. */
#include <sodium.h>
#include <stdlib.h>

#include "envelope/envelope.h"

struct envelope_reader {
    struct source file;
    const struct envelope_keys *keys;
    bool is_one, is_signed, encrypted;
    bool has_begun; /* the first chunk has been opened */
    bool is_last;   /* and so has the last */
    bool ended;     /* nothing more is in the file than what is in `ahead` */
    bool done;
    crypto_sign_state signature;
    crypto_secretstream_xchacha20poly1305_state stream;
    uint8_t header[ENVELOPE_HEADER_MAX];
    size_t header_size;
    uint8_t ahead[CHUNK_STORED + ENVELOPE_END_SIZE];
    size_t filled;
    uint8_t chunk[CHUNK_STORED + ENVELOPE_END_SIZE];
    size_t at, size; /* of the chunk */
};

static bool refuse(struct error *error, const char *why)
{
    return error_set(error, ERROR_SNAPSHOT, "snapshot refused: its envelope %s", why);
}

static const char *const cut = "was cut short, or something was put behind it";
static const char *const changed = "was changed or cut short";

/* Fills `ahead` as far as the file goes. */
static bool look_ahead(struct envelope_reader *reader, struct error *error)
{
    while (!reader->ended && reader->filled < sizeof reader->ahead) {
        size_t got = 0, room = sizeof reader->ahead - reader->filled;
        if (!reader->file.read(reader->file.context, reader->ahead + reader->filled, room, &got,
                               error))
            return false;
        reader->filled += got;
        reader->ended = got == 0;
    }
    return true;
}

static void drop(struct envelope_reader *reader, size_t size)
{
    reader->filled -= size;
    memmove(reader->ahead, reader->ahead + size, reader->filled);
}

/* ---- the header */

static bool check_signer(const struct envelope_reader *reader, struct error *error)
{
    const struct envelope_keys *keys = reader->keys;
    const uint8_t *signer = reader->header + 16;
    char name[KEY_NAME_SIZE], wanted[KEY_NAME_SIZE];
    if (keys->nrequired == 0)
        return true;
    key_name(keys->required->sign, wanted);
    if (!reader->is_signed)
        return error_set(
            error, ERROR_SNAPSHOT,
            "snapshot refused: it is not signed, and the signature of %s%s is required", wanted,
            keys->nrequired > 1 ? " or another" : "");
    for (uint32_t i = 0; i < keys->nrequired; i++)
        if (memcmp(keys->required[i].sign, signer, KEY_SIZE) == 0)
            return true;
    return error_set(
        error, ERROR_SNAPSHOT,
        "snapshot refused: it is signed by another key, %s, and the signature of %s%s is required",
        key_name(signer, name), wanted, keys->nrequired > 1 ? " or another" : "");
}

/* The recipient that one of our keys is; NULL when none is. */
static const uint8_t *find_recipient(const struct envelope_reader *reader,
                                     const struct secret_key **secret)
{
    const uint8_t *recipient = reader->header + ENVELOPE_HEADER_SIZE;
    for (; recipient < reader->header + reader->header_size; recipient += RECIPIENT_SIZE)
        for (uint32_t i = 0; i < reader->keys->nsecrets; i++) {
            *secret = &reader->keys->secrets[i];
            if (memcmp((*secret)->box_public, recipient, KEY_SIZE) == 0)
                return recipient;
        }
    return NULL;
}

static bool start_stream(struct envelope_reader *reader, const uint8_t *key)
{
    return crypto_secretstream_xchacha20poly1305_init_pull(&reader->stream, reader->header + 48,
                                                           key) == 0;
}

static bool open_stream(struct envelope_reader *reader, struct error *error)
{
    const struct secret_key *secret = NULL;
    const struct stream_key *written = reader->keys->written;
    uint8_t key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    if (written && memcmp(written->header, reader->header + 48, sizeof written->header) == 0)
        return start_stream(reader, written->key) ||
               error_set(error, ERROR_SNAPSHOT, "the stream of an envelope cannot be read back");
    char name[KEY_NAME_SIZE];
    const uint8_t *recipient = find_recipient(reader, &secret);
    if (!recipient)
        return error_set(error, ERROR_SNAPSHOT, "snapshot refused: it is encrypted to %s%s%s",
                         key_name(reader->header + ENVELOPE_HEADER_SIZE, name),
                         reader->header_size > ENVELOPE_HEADER_SIZE + RECIPIENT_SIZE ? " and others"
                                                                                     : "",
                         reader->keys->nsecrets ? ", and not to the key of --decrypt-with"
                                                : ": that key is wanted (--decrypt-with)");
    bool good = crypto_box_seal_open(key, recipient + KEY_SIZE, RECIPIENT_SIZE - KEY_SIZE,
                                     secret->box_public, secret->box) == 0 &&
                start_stream(reader, key);
    sodium_memzero(key, sizeof key);
    return good || refuse(error, "was changed: what is sealed to this key does not open");
}

static bool read_header(struct envelope_reader *reader, struct error *error)
{
    const uint8_t *header = reader->ahead;
    if (reader->filled < ENVELOPE_HEADER_SIZE)
        return refuse(error, "was cut short in its header");
    uint32_t version = get_le32(header + 8), recipients = get_le32(header + 12);
    if (version != ENVELOPE_VERSION)
        return error_set(error, ERROR_SNAPSHOT,
                         "snapshot refused: its envelope has version %u; this Yadokari knows "
                         "version %u",
                         version, (unsigned)ENVELOPE_VERSION);
    if (recipients > RECIPIENTS_MAX)
        return refuse(error, "names more recipients than there can be");
    reader->header_size = ENVELOPE_HEADER_SIZE + (size_t)recipients * RECIPIENT_SIZE;
    if (reader->filled < reader->header_size)
        return refuse(error, "was cut short in its header");
    memcpy(reader->header, header, reader->header_size);
    reader->is_signed = !sodium_is_zero(header + 16, KEY_SIZE);
    reader->encrypted = recipients > 0;
    if (!reader->is_signed && !reader->encrypted)
        return refuse(error, "is neither signed nor encrypted");
    if (!reader->encrypted && !sodium_is_zero(header + 48, 24))
        return refuse(error, "has a stream header, and is not encrypted");
    crypto_sign_init(&reader->signature);
    crypto_sign_update(&reader->signature, reader->header, reader->header_size);
    drop(reader, reader->header_size);
    return true;
}

static bool begin(struct envelope_reader *reader, struct error *error)
{
    if (!look_ahead(reader, error))
        return false;
    reader->is_one = reader->filled >= 8 && memcmp(reader->ahead, ENVELOPE_MAGIC, 8) == 0;
    return (!reader->is_one || read_header(reader, error)) && check_signer(reader, error) &&
           (!reader->encrypted || open_stream(reader, error));
}

bool envelope_open(struct envelope_reader **made, const struct source *file,
                   const struct envelope_keys *keys, struct error *error)
{
    struct envelope_reader *reader = sodium_init() >= 0 ? calloc(1, sizeof *reader) : NULL;
    *made = reader;
    if (!reader)
        return error_set(error, ERROR_MEMORY, "no memory to read a snapshot");
    reader->file = *file;
    reader->keys = keys;
    if (begin(reader, error))
        return true;
    envelope_close(reader);
    *made = NULL;
    return false;
}

void envelope_close(struct envelope_reader *reader)
{
    if (!reader)
        return;
    sodium_memzero(reader, sizeof *reader);
    free(reader);
}

bool envelope_is_one(const struct envelope_reader *reader)
{
    return reader->is_one;
}

const uint8_t *envelope_signer(const struct envelope_reader *reader)
{
    return reader->is_signed ? reader->header + 16 : NULL;
}

uint32_t envelope_recipients(const struct envelope_reader *reader)
{
    return reader->is_one ? get_le32(reader->header + 12) : 0;
}

/* ---- chunks */

/* All but the last are full, and the last is not: a snapshot has one sequence of chunks. */
static bool open_chunk(struct envelope_reader *reader, size_t stored, struct error *error)
{
    unsigned long long size = 0;
    uint8_t tag = 0;
    const uint8_t *header = reader->has_begun ? NULL : reader->header;
    if (crypto_secretstream_xchacha20poly1305_pull(&reader->stream, reader->chunk, &size, &tag,
                                                   reader->ahead, stored, header,
                                                   header ? reader->header_size : 0) != 0)
        return refuse(error, changed);
    reader->has_begun = true;
    reader->is_last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    reader->size = (size_t)size;
    return reader->is_last == (size < CHUNK_SIZE) || refuse(error, changed);
}

/* Nothing is left but the end. */
static bool check_end(struct envelope_reader *reader, struct error *error)
{
    if (reader->encrypted && !reader->is_last)
        return refuse(error, cut);
    if (reader->is_signed) {
        crypto_sign_update(&reader->signature, reader->ahead, 8);
        if (crypto_sign_final_verify(&reader->signature, reader->ahead + 8, reader->header + 16) !=
            0)
            return refuse(error, "was changed: its signature is not of these bytes");
    }
    reader->done = true;
    return true;
}

static bool next_chunk(struct envelope_reader *reader, struct error *error)
{
    const size_t end = reader->is_signed ? ENVELOPE_END_SIZE : 0;
    reader->at = reader->size = 0;
    if (!look_ahead(reader, error))
        return false;
    if (reader->ended && reader->is_signed &&
        (reader->filled < end ||
         memcmp(reader->ahead + reader->filled - end, ENVELOPE_END_MAGIC, 8) != 0))
        return refuse(error, cut);
    size_t stored = reader->filled - end;
    if (stored == 0)
        return check_end(reader, error);
    if (reader->is_last)
        return refuse(error, cut);
    if (stored > CHUNK_STORED && reader->is_one)
        stored = CHUNK_STORED;
    if (reader->is_signed)
        crypto_sign_update(&reader->signature, reader->ahead, stored);
    if (reader->encrypted) {
        if (!open_chunk(reader, stored, error))
            return false;
    } else {
        memcpy(reader->chunk, reader->ahead, stored);
        reader->size = stored;
    }
    drop(reader, stored);
    return true;
}

bool envelope_read(void *context, uint8_t *bytes, size_t size, size_t *got, struct error *error)
{
    struct envelope_reader *reader = context;
    *got = 0;
    if (!reader->is_one && reader->filled == 0 && reader->at == reader->size)
        return reader->file.read(reader->file.context, bytes, size, got, error);
    while (reader->at == reader->size && !reader->done)
        if (!next_chunk(reader, error))
            return false;
    size_t left = reader->size - reader->at;
    *got = left < size ? left : size;
    memcpy(bytes, reader->chunk + reader->at, *got);
    reader->at += *got;
    return true;
}
