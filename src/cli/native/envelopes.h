/* envelopes.h - snapshots that are signed and encrypted by the options' keys, and opened by them.
 */
#ifndef CLI_NATIVE_ENVELOPES_H
#define CLI_NATIVE_ENVELOPES_H

#include "cli/incoming.h"
#include "envelope/envelope.h"

/* Not to be moved once it is loaded. */
struct envelopes {
    bool signs;
    struct secret_key signer;
    struct public_key recipients[RECIPIENTS_MAX], required[RECIPIENTS_MAX];
    struct secret_key secrets[RECIPIENTS_MAX];
    uint32_t nrecipients;
    struct envelope_keys keys;
    struct stream_key written; /* of the last one that was encrypted */
    struct wrapping wrapping;
    struct unwrapping unwrapping;
    struct envelope_writer *writer; /* of the file that is being written */
    struct envelope_reader *reader; /* and read */
    int file;
};

/* Reads the keys that the options name; errors name the option too. To be wiped also after a
 * failure. */
bool envelopes_load(struct envelopes *envelopes, const struct snapshot_options *options,
                    struct error *error);
void envelopes_wipe(struct envelopes *envelopes);

/* Whether anything is asked for: of what is written, or at all. */
bool envelopes_wrap(const struct snapshot_options *options);
bool envelopes_asked_for(const struct snapshot_options *options);

/* Whether the file is an envelope; false as well when it cannot be read. */
bool envelope_at(const char *path);

/* Copies a file or bytes into another file, into an envelope if `options` say so. `path` is
 * replaced as a whole; `keep` as in snapshot_save. */
bool envelopes_copy(const struct snapshot_options *options, const char *from, const char *path,
                    uint32_t keep, uint64_t *size, struct error *error);
bool envelopes_put(const struct snapshot_options *options, const struct buffer *bytes,
                   const char *path, uint64_t *size, struct error *error);

/* Who signed a file and how many keys it is encrypted to, as its header says; `signer` is empty and
 * `recipients` 0 for one that is no envelope. */
struct envelope_facts {
    bool is_one;
    char signer[2 * KEY_SIZE + 1];
    uint32_t recipients;
};
bool envelopes_facts(const char *path, struct envelope_facts *facts, struct error *error);

#endif
