/* fuzz_envelope.c - envelopes that anybody may have made: bytes as they are, and forged ones with
 * the right key's signature and chunks, so that the fuzzer gets past the cryptography. What the
 * reader accepts must be what the envelope's maker put in.
 *
 *     byte 0       bit 0 clear: the rest is a file as it is
 *                  bit 1 signed, 2 encrypted, 3 a byte is changed last, 4 by the writer instead of
 * here 1            recipients; the reader's key is the last 2            how many bytes the file
 * gives at once 3 to 4       which byte is changed 5 to 28      XORed to the header's first 24
 * bytes, before it is signed then         a chunk each: size - 1 u16, tag u8, a byte to fill it
 * with */
#include <sodium.h>
#include <stdlib.h>

#include "envelope/envelope.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FORGED_HEADER = 29, CHUNKS_MAX = 4 };

static struct secret_key reader_key, other_key;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void make_key(struct secret_key *key, uint8_t number)
{
    uint8_t seed[KEY_SIZE] = {number};
    crypto_sign_seed_keypair(key->sign_public, key->sign, seed);
    crypto_box_seed_keypair(key->box_public, key->box, seed);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    require(sodium_init() >= 0);
    make_key(&reader_key, 1);
    make_key(&other_key, 2);
    return 0;
}

/* ---- reading, in pieces of any size */

struct input {
    const uint8_t *at;
    size_t left, step;
};

static bool read_input(void *context, uint8_t *bytes, size_t size, size_t *got, struct error *error)
{
    struct input *input = context;
    (void)error;
    *got = input->step < size ? input->step : size;
    *got = *got < input->left ? *got : input->left;
    if (*got == 0)
        return true;
    memcpy(bytes, input->at, *got);
    input->at += *got;
    input->left -= *got;
    return true;
}

static bool append(void *context, const void *data, size_t size, struct error *error)
{
    (void)error;
    buffer_put(context, data, size);
    return true;
}

/* Whether the file is accepted; then `content` is what was in it. */
static bool read_file(const struct buffer *file, size_t step, bool signed_only,
                      struct buffer *content)
{
    struct public_key required;
    struct envelope_keys keys = {&required, signed_only, &reader_key, 1, NULL};
    struct input input = {file->data, file->size, step + 1};
    const struct source source = {read_input, &input};
    struct envelope_reader *reader;
    struct error error = {0};
    uint8_t bytes[1000];
    size_t got = 1;
    memcpy(required.sign, other_key.sign_public, KEY_SIZE);
    bool good = envelope_open(&reader, &source, &keys, &error);
    while (good && got > 0) {
        good = envelope_read(reader, bytes, sizeof bytes, &got, &error);
        require(got <= sizeof bytes);
        buffer_put(content, bytes, got);
    }
    envelope_close(reader);
    require(good || (error.kind == ERROR_SNAPSHOT && error.message[0]));
    return good;
}

static bool same(const struct buffer *a, const uint8_t *data, size_t size)
{
    return a->size == size && (size == 0 || memcmp(a->data, data, size) == 0);
}

/* ---- forging */

struct forgery {
    struct buffer file, content;
    crypto_secretstream_xchacha20poly1305_state stream;
    bool is_signed, encrypted;
    bool regular; /* the writer could have made it */
};

static void put_header(struct forgery *forgery, const uint8_t *data)
{
    uint8_t header[ENVELOPE_HEADER_MAX] = {0}, key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    uint32_t recipients = forgery->encrypted ? data[1] % RECIPIENTS_MAX + 1 : 0;
    memset(key, 7, sizeof key);
    memcpy(header, ENVELOPE_MAGIC, 8);
    put_le32(header + 8, ENVELOPE_VERSION);
    put_le32(header + 12, recipients);
    if (forgery->is_signed)
        memcpy(header + 16, other_key.sign_public, KEY_SIZE);
    if (forgery->encrypted)
        crypto_secretstream_xchacha20poly1305_init_push(&forgery->stream, header + 48, key);
    for (uint32_t i = 0; i < recipients; i++) {
        uint8_t *recipient = header + ENVELOPE_HEADER_SIZE + i * RECIPIENT_SIZE;
        const struct secret_key *to = i + 1 == recipients ? &reader_key : &other_key;
        memcpy(recipient, to->box_public, KEY_SIZE);
        crypto_box_seal(recipient + KEY_SIZE, key, sizeof key, to->box_public);
    }
    for (unsigned i = 0; i < 24; i++) {
        header[i] ^= data[5 + i];
        forgery->regular &= data[5 + i] == 0;
    }
    buffer_put(&forgery->file, header, ENVELOPE_HEADER_SIZE + recipients * RECIPIENT_SIZE);
}

/* `left` chunks come after it. */
static void put_chunk(struct forgery *forgery, const uint8_t *data, size_t left)
{
    static uint8_t plain[CHUNK_SIZE], stored[CHUNK_STORED];
    size_t size = (size_t)get_le16(data) + 1;
    uint8_t tag = data[2];
    bool last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    memset(plain, data[3], size);
    if (last)
        size--;
    buffer_put(&forgery->content, plain, size);
    if (!forgery->encrypted) {
        buffer_put(&forgery->file, plain, size);
        return;
    }
    forgery->regular &= last == (left == 0) && (last ? size < CHUNK_SIZE : size == CHUNK_SIZE);
    unsigned long long got;
    const struct buffer *file = &forgery->file;
    bool first = forgery->content.size == size;
    crypto_secretstream_xchacha20poly1305_push(&forgery->stream, stored, &got, plain, size,
                                               first ? file->data : NULL, first ? file->size : 0,
                                               tag);
    buffer_put(&forgery->file, stored, (size_t)got);
}

static void put_end(struct forgery *forgery)
{
    uint8_t signature[crypto_sign_BYTES];
    crypto_sign_state state;
    if (!forgery->is_signed)
        return;
    buffer_put(&forgery->file, ENVELOPE_END_MAGIC, 8);
    crypto_sign_init(&state);
    crypto_sign_update(&state, forgery->file.data, forgery->file.size);
    crypto_sign_final_create(&state, signature, NULL, other_key.sign);
    buffer_put(&forgery->file, signature, sizeof signature);
}

/* What the writer makes of the same content. */
static void write_file(struct forgery *forgery, size_t recipients)
{
    struct public_key to[RECIPIENTS_MAX];
    const struct sink sink = {append, &forgery->file};
    struct envelope_writer *writer;
    recipients = forgery->encrypted ? recipients % RECIPIENTS_MAX + 1 : 0;
    for (size_t i = 0; i < RECIPIENTS_MAX; i++)
        memcpy(to[i].box, reader_key.box_public, KEY_SIZE);
    forgery->file.size = 0;
    require(envelope_begin(&writer, forgery->is_signed ? &other_key : NULL, to,
                           (uint32_t)recipients, &sink, NULL, NULL));
    bool good = envelope_write(writer, forgery->content.data, forgery->content.size, NULL);
    require(envelope_end(writer, good, NULL));
    forgery->regular = true;
}

static void try_forgery(const uint8_t *data, size_t size)
{
    struct forgery forgery = {.is_signed = data[0] & 2, .encrypted = data[0] & 4, .regular = true};
    struct buffer content = {0};
    bool change = data[0] & 8;
    size_t chunks = (size - FORGED_HEADER) / 4;
    put_header(&forgery, data);
    for (size_t i = 0; i < chunks && i < CHUNKS_MAX; i++)
        put_chunk(&forgery, data + FORGED_HEADER + 4 * i, chunks - i - 1);
    forgery.regular &= (forgery.is_signed || forgery.encrypted) &&
                       (chunks > 0 || !forgery.encrypted) && chunks <= CHUNKS_MAX;
    put_end(&forgery);
    if ((data[0] & 16) && (forgery.is_signed || forgery.encrypted))
        write_file(&forgery, data[1]);
    if (change)
        forgery.file.data[get_le16(data + 3) % forgery.file.size] ^= 1;
    bool good = read_file(&forgery.file, (size_t)data[2] * 100, forgery.is_signed, &content);
    require(!forgery.regular || change || good);
    bool is_one = memcmp(forgery.file.data, ENVELOPE_MAGIC, 8) == 0;
    require(!good || !is_one ||
            (!change && same(&content, forgery.content.data, forgery.content.size)));
    buffer_free(&content);
    buffer_free(&forgery.file);
    buffer_free(&forgery.content);
}

/* Bytes as they are: a file that is no envelope is given unchanged. */
static void try_bytes(const uint8_t *data, size_t size)
{
    struct buffer file = {0}, content = {0};
    buffer_put(&file, data, size);
    bool good = read_file(&file, 4000, false, &content);
    if (size < 8 || memcmp(data, ENVELOPE_MAGIC, 8) != 0)
        require(good && same(&content, data, size));
    content.size = 0;
    require(!read_file(&file, 0, true, &content)); /* nobody has that key's signature */
    buffer_free(&file);
    buffer_free(&content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 1)
        return size < FORGED_HEADER ? 0 : (try_forgery(data, size), 0);
    try_bytes(data + 1, size - 1);
    return 0;
}
