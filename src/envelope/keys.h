/* keys.h - keys that snapshots are signed with and encrypted to. Each pair of key files is for
 * both.
 *
 *     NAME.key    # lines of comment
 *                 yado-secret-1:BASE64URL( seed 32 │ check 4 )
 *     NAME.pub    # lines of comment
 *                 yado-public-1:BASE64URL( Ed25519 key 32 │ X25519 key 32 │ check 4 )
 *
 *     seed ──crypto_kdf "yadokari" 1──▶ seed of the Ed25519 pair    signs
 *          ──crypto_kdf "yadokari" 2──▶ seed of the X25519 pair     opens what is encrypted to it
 *
 * BASE64URL is without padding. A check is the first 4 bytes of the BLAKE2b-256 of the text up to
 * and with the colon, and the bytes before the check: a typing error is not taken for another key.
 */
#ifndef ENVELOPE_KEYS_H
#define ENVELOPE_KEYS_H

#include "base/error.h"

#define KEY_SIZE      32u
#define KEY_NAME_SIZE 17u

struct secret_key {
    uint8_t sign[64], sign_public[KEY_SIZE];
    uint8_t box[KEY_SIZE], box_public[KEY_SIZE];
};

struct public_key {
    uint8_t sign[KEY_SIZE];
    uint8_t box[KEY_SIZE];
};

/* Makes NAME.key, which only its owner can read, and NAME.pub. Neither replaces a file. */
bool key_generate(const char *name, struct public_key *key, struct error *error);

/* From a file. Errors name it and say whether it is no key, a public one, a damaged one, or one
 * that others can read. To be wiped by secret_key_wipe. */
bool secret_key_read(struct secret_key *key, const char *path, struct error *error);
void secret_key_wipe(struct secret_key *key);

/* From a file, or the line of such a file itself. */
bool public_key_read(struct public_key *key, const char *path, struct error *error);

/* What messages call an Ed25519 or X25519 key: the first 16 hexadecimal digits. */
const char *key_name(const uint8_t key[KEY_SIZE], char name[KEY_NAME_SIZE]);

#endif
