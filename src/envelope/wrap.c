/* wrap.c - a snapshot into an envelope, chunk by chunk. The layout is drawn in envelope.h. */
#include <sodium.h>
#include <stdlib.h>

#include "envelope/envelope.h"

struct envelope_writer {
    struct sink to;
    const struct secret_key *signer;
    bool encrypts, has_begun; /* has_begun: the first chunk is written */
    crypto_sign_state signature;
    crypto_secretstream_xchacha20poly1305_state stream;
    uint8_t header[ENVELOPE_HEADER_MAX];
    size_t header_size, filled;
    uint8_t chunk[CHUNK_SIZE], stored[CHUNK_STORED];
};

/* Everything that is signed passes here. */
static bool put(struct envelope_writer *writer, const void *data, size_t size, struct error *error)
{
    if (writer->signer)
        crypto_sign_update(&writer->signature, data, size);
    return size == 0 || writer->to.write(writer->to.context, data, size, error);
}

static void make_header(struct envelope_writer *writer, const struct public_key *recipients,
                        uint32_t nrecipients, struct stream_key *written)
{
    uint8_t *header = writer->header, key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    memcpy(header, ENVELOPE_MAGIC, 8);
    put_le32(header + 8, ENVELOPE_VERSION);
    put_le32(header + 12, nrecipients);
    if (writer->signer)
        memcpy(header + 16, writer->signer->sign_public, KEY_SIZE);
    writer->header_size = ENVELOPE_HEADER_SIZE + (size_t)nrecipients * RECIPIENT_SIZE;
    if (nrecipients == 0)
        return;
    crypto_secretstream_xchacha20poly1305_keygen(key);
    crypto_secretstream_xchacha20poly1305_init_push(&writer->stream, header + 48, key);
    for (uint32_t i = 0; i < nrecipients; i++) {
        uint8_t *recipient = header + ENVELOPE_HEADER_SIZE + (size_t)i * RECIPIENT_SIZE;
        memcpy(recipient, recipients[i].box, KEY_SIZE);
        crypto_box_seal(recipient + KEY_SIZE, key, sizeof key, recipients[i].box);
    }
    if (written) {
        memcpy(written->header, header + 48, sizeof written->header);
        memcpy(written->key, key, sizeof written->key);
    }
    sodium_memzero(key, sizeof key);
}

bool envelope_begin(struct envelope_writer **made, const struct secret_key *signer,
                    const struct public_key *recipients, uint32_t nrecipients,
                    const struct sink *to, struct stream_key *written, struct error *error)
{
    struct envelope_writer *writer = sodium_init() >= 0 ? calloc(1, sizeof *writer) : NULL;
    *made = writer;
    if (!writer)
        return error_set(error, ERROR_MEMORY, "no memory to sign or encrypt a snapshot");
    writer->to = *to;
    writer->signer = signer;
    writer->encrypts = nrecipients > 0;
    crypto_sign_init(&writer->signature);
    make_header(writer, recipients, nrecipients, written);
    if (put(writer, writer->header, writer->header_size, error))
        return true;
    *made = NULL;
    return envelope_end(writer, false, error);
}

static bool put_chunk(struct envelope_writer *writer, uint8_t tag, struct error *error)
{
    unsigned long long stored = 0;
    const uint8_t *header = writer->has_begun ? NULL : writer->header;
    crypto_secretstream_xchacha20poly1305_push(&writer->stream, writer->stored, &stored,
                                               writer->chunk, writer->filled, header,
                                               header ? writer->header_size : 0, tag);
    writer->has_begun = true;
    writer->filled = 0;
    return put(writer, writer->stored, (size_t)stored, error);
}

bool envelope_write(void *context, const void *data, size_t size, struct error *error)
{
    struct envelope_writer *writer = context;
    const uint8_t *at = data;
    if (!writer->encrypts)
        return put(writer, data, size, error);
    while (size > 0) {
        size_t room = CHUNK_SIZE - writer->filled, part = size < room ? size : room;
        memcpy(writer->chunk + writer->filled, at, part);
        writer->filled += part;
        at += part;
        size -= part;
        if (writer->filled == CHUNK_SIZE &&
            !put_chunk(writer, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE, error))
            return false;
    }
    return true;
}

static bool put_end(struct envelope_writer *writer, struct error *error)
{
    uint8_t signature[crypto_sign_BYTES];
    if (!put(writer, ENVELOPE_END_MAGIC, 8, error))
        return false;
    crypto_sign_final_create(&writer->signature, signature, NULL, writer->signer->sign);
    return writer->to.write(writer->to.context, signature, sizeof signature, error);
}

bool envelope_end(struct envelope_writer *writer, bool good, struct error *error)
{
    if (good && writer->encrypts)
        good = put_chunk(writer, crypto_secretstream_xchacha20poly1305_TAG_FINAL, error);
    if (good && writer->signer)
        good = put_end(writer, error);
    sodium_memzero(writer, sizeof *writer);
    free(writer);
    return good;
}
