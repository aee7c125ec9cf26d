/* envelope/ - signed and encrypted snapshots, by libsodium; native only. Knows nothing of what is
 * in a snapshot: it takes its bytes and gives them back. Uses state/ (sinks and sources) and base/.
 *
 *     keys.c      key pairs and their files
 *     wrap.c      snapshot ──▶ envelope
 *     unwrap.c    envelope ──▶ snapshot, the mirror image
 *
 * envelope.h - a snapshot in an envelope. Little-endian, without padding.
 *
 *     byte 0       8         12           16             48              72          72 + 112 n
 *     ┌────────────┬─────────┬────────────┬──────────────┬───────────────┬─────────────┐
 *     │ magic      │ version │ recipients │ signer's key │ stream header │ recipient … │  header
 *     └────────────┴─────────┴────────────┴──────────────┴───────────────┴─────────────┘
 *     ┌──────────────────────────── ─ ─ ──┐┌───────────┬────────────┐
 *     │ the snapshot, or chunks of it     ││ end magic │ signature  │  end: only when signed
 *     └──────────────────────────── ─ ─ ──┘└───────────┴────────────┘
 *                                           0           8            72
 *
 * The signer's key (Ed25519) is zeros when it is not signed; recipients and stream header are when
 * it is not encrypted; one of them it is.
 *
 *     recipient    X25519 key 32 │ the stream's key, crypto_box_seal'ed to it, 80
 *     chunk        65,536 bytes of the snapshot, the last one fewer (or none), by
 *                  crypto_secretstream_xchacha20poly1305: 17 bytes more each; the last is marked by
 *                  TAG_FINAL. The first has the whole header as additional data.
 *     signature    Ed25519ph of all bytes before it
 *
 * So a signature says who wrote it without a key to read it, and who encrypted a snapshot to
 * somebody cannot be replaced as its signer: the chunks do not open under another header. */
#ifndef ENVELOPE_ENVELOPE_H
#define ENVELOPE_ENVELOPE_H

#include "envelope/keys.h"
#include "state/format.h"
#include "state/snapshot.h"

enum {
    ENVELOPE_VERSION = 1,
    ENVELOPE_HEADER_SIZE = 72,
    RECIPIENT_SIZE = 112,
    RECIPIENTS_MAX = 16,
    ENVELOPE_HEADER_MAX = ENVELOPE_HEADER_SIZE + RECIPIENTS_MAX * RECIPIENT_SIZE,
    CHUNK_SIZE = 65536,
    CHUNK_STORED = CHUNK_SIZE + 17,
    ENVELOPE_END_SIZE = 72
};

#define ENVELOPE_END_MAGIC "YADE end"

/* What opens a stream without being one of its recipients: its header tells which one. */
struct stream_key {
    uint8_t header[24], key[32];
};

/* Writing. Needs memory for a chunk. */

struct envelope_writer;

/* `signer` may be NULL, or `nrecipients` 0, not both. Writes to `to`. With recipients, `written`
 * is set, unless it is NULL, so that who has written the envelope can read it back. */
bool envelope_begin(struct envelope_writer **writer, const struct secret_key *signer,
                    const struct public_key *recipients, uint32_t nrecipients,
                    const struct sink *to, struct stream_key *written, struct error *error);
bool envelope_write(void *writer, const void *data, size_t size, struct error *error);
/* With `good`, writes what is left. Frees the writer in any case; returns `good` if that went well.
 */
bool envelope_end(struct envelope_writer *writer, bool good, struct error *error);

/* Reading. */

struct envelope_keys {
    const struct public_key *required; /* one of them must have signed it; none: any or nobody */
    uint32_t nrequired;
    const struct secret_key *secrets; /* to open it with */
    uint32_t nsecrets;
    const struct stream_key *written; /* opens what it belongs to; may be NULL */
};

struct envelope_reader;

/* Reads the header. A file that is no envelope is given as it is, unless a signature is required.
 * `keys` must outlive the reader. Errors (ERROR_SNAPSHOT) do not name the file. */
bool envelope_open(struct envelope_reader **reader, const struct source *file,
                   const struct envelope_keys *keys, struct error *error);
/* The next bytes of the snapshot. They are what the envelope says only once `got` is 0: until then
 * nothing may be made of them. */
bool envelope_read(void *reader, uint8_t *bytes, size_t size, size_t *got, struct error *error);
/* Whether it is an envelope, who signed it (NULL: nobody) and to how many keys it is encrypted. */
bool envelope_is_one(const struct envelope_reader *reader);
const uint8_t *envelope_signer(const struct envelope_reader *reader);
uint32_t envelope_recipients(const struct envelope_reader *reader);
void envelope_close(struct envelope_reader *reader);

#endif
