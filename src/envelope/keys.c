#include "envelope/keys.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "base/path.h"
#include "base/text.h"

#define SECRET "yado-secret-1:"
#define PUBLIC "yado-public-1:"

enum { CHECK_SIZE = 4, BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING, KEY_LINE_MAX = 512 };

static bool refuse(struct error *error, const char *what, const char *path)
{
    return error_set(error, ERROR_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

static bool start_sodium(struct error *error)
{
    return sodium_init() >= 0 || error_set(error, ERROR_IO, "libsodium cannot be started");
}

const char *key_name(const uint8_t key[KEY_SIZE], char name[KEY_NAME_SIZE])
{
    return sodium_bin2hex(name, KEY_NAME_SIZE, key, 8);
}

/* ---- text */

static void check_of(const char *prefix, const uint8_t *bytes, size_t size,
                     uint8_t check[CHECK_SIZE])
{
    uint8_t hash[32];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(&state, (const uint8_t *)prefix, strlen(prefix));
    crypto_generichash_update(&state, bytes, size);
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(check, hash, CHECK_SIZE);
}

static void put_text(char text[KEY_LINE_MAX], const char *prefix, const uint8_t *bytes, size_t size)
{
    uint8_t all[2 * KEY_SIZE + CHECK_SIZE];
    size_t length = strlen(prefix);
    memcpy(all, bytes, size);
    check_of(prefix, bytes, size, all + size);
    memcpy(text, prefix, length);
    sodium_bin2base64(text + length, KEY_LINE_MAX - length, all, size + CHECK_SIZE, BASE64);
    sodium_memzero(all, sizeof all);
}

/* The bytes of a line; `from` is where it stands, for errors. */
static bool take_text(const char *text, const char *prefix, uint8_t *bytes, size_t size,
                      const char *from, struct error *error)
{
    uint8_t all[2 * KEY_SIZE + CHECK_SIZE], check[CHECK_SIZE];
    size_t length = strlen(prefix), got = 0;
    bool good = sodium_base642bin(all, size + CHECK_SIZE, text + length, strlen(text + length),
                                  NULL, &got, NULL, BASE64) == 0 &&
                got == size + CHECK_SIZE;
    if (good) {
        check_of(prefix, all, size, check);
        good = memcmp(check, all + size, CHECK_SIZE) == 0;
        memcpy(bytes, all, size);
    }
    sodium_memzero(all, sizeof all);
    return good || error_set(error, ERROR_USAGE, "%s: the key in it is damaged", from);
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The first line that is no comment and not empty. */
static bool read_line(FILE *file, char line[KEY_LINE_MAX])
{
    while (fgets(line, KEY_LINE_MAX, file)) {
        line[strcspn(line, "\r\n")] = 0;
        if (*line && *line != '#')
            return true;
    }
    *line = 0;
    return false;
}

static bool check_mode(FILE *file, const char *path, struct error *error)
{
    struct stat stat;
    if (fstat(fileno(file), &stat) != 0)
        return refuse(error, "read", path);
    return (stat.st_mode & 077) == 0 ||
           error_set(error, ERROR_USAGE,
                     "%s: others than its owner have access to this secret key (mode %04o): "
                     "chmod 600 it",
                     path, (unsigned)stat.st_mode & 07777);
}

static bool wants(const char *line, bool secret, const char *path, struct error *error)
{
    if (starts_with(line, secret ? SECRET : PUBLIC))
        return true;
    if (starts_with(line, secret ? PUBLIC : SECRET))
        return error_set(error, ERROR_USAGE, "%s: is a %s key, and the %s one is wanted", path,
                         secret ? "public" : "secret", secret ? "secret" : "public");
    return error_set(error, ERROR_USAGE, "%s: is not a key of yado keygen", path);
}

static bool read_key_file(const char *path, bool secret, char line[KEY_LINE_MAX],
                          struct error *error)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return refuse(error, "open", path);
    setvbuf(file, NULL, _IONBF, 0); /* no copy of it stays behind */
    (void)read_line(file, line);
    bool good = wants(line, secret, path, error) && (!secret || check_mode(file, path, error));
    fclose(file);
    return good;
}

/* ---- pairs */

static void derive(const uint8_t seed[KEY_SIZE], struct secret_key *key)
{
    uint8_t sub[KEY_SIZE];
    crypto_kdf_derive_from_key(sub, sizeof sub, 1, "yadokari", seed);
    crypto_sign_seed_keypair(key->sign_public, key->sign, sub);
    crypto_kdf_derive_from_key(sub, sizeof sub, 2, "yadokari", seed);
    crypto_box_seed_keypair(key->box_public, key->box, sub);
    sodium_memzero(sub, sizeof sub);
}

void secret_key_wipe(struct secret_key *key)
{
    sodium_memzero(key, sizeof *key);
}

bool secret_key_read(struct secret_key *key, const char *path, struct error *error)
{
    char line[KEY_LINE_MAX] = "";
    uint8_t seed[KEY_SIZE];
    if (starts_with(path, SECRET))
        return error_set(error, ERROR_USAGE,
                         "a secret key belongs in a file, not on the command line");
    bool good = start_sodium(error) && read_key_file(path, true, line, error) &&
                take_text(line, SECRET, seed, sizeof seed, path, error);
    if (good)
        derive(seed, key);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(line, sizeof line);
    return good;
}

bool public_key_read(struct public_key *key, const char *path, struct error *error)
{
    char line[KEY_LINE_MAX] = "";
    uint8_t bytes[2 * KEY_SIZE];
    if (!start_sodium(error))
        return false;
    bool given = starts_with(path, PUBLIC);
    if (!given && !read_key_file(path, false, line, error))
        return false;
    if (!take_text(given ? path : line, PUBLIC, bytes, sizeof bytes, path, error))
        return false;
    memcpy(key->sign, bytes, KEY_SIZE);
    memcpy(key->box, bytes + KEY_SIZE, KEY_SIZE);
    return true;
}

/* ---- making one */

static bool write_new(const char *path, bool open, const struct buffer *text, struct error *error)
{
    const struct output_options options = {.open = open, .fresh = true, .sync = true};
    return text->failed ? error_set(error, ERROR_MEMORY, "no memory for a key")
                        : output_bytes(path, &options, text->data, text->size, error);
}

/* The secret one first: it is the one that must not be lost. */
static bool write_both(const char *name, const struct buffer *secret, const struct buffer *public,
                       struct error *error)
{
    char secret_path[PATH_ROOM], public_path[PATH_ROOM];
    struct stat there;
    if (!path_set(secret_path, error, "%s.key", name) ||
        !path_set(public_path, error, "%s.pub", name))
        return false;
    if (lstat(public_path, &there) == 0)
        return error_set(error, ERROR_USAGE, "%s is there already, and stays as it is",
                         public_path);
    if (!write_new(secret_path, false, secret, error))
        return false;
    if (write_new(public_path, true, public, error))
        return true;
    unlink(secret_path);
    return false;
}

static bool write_pair(const char *name, const struct public_key *key, const char *secret_line,
                       const char *public_line, struct error *error)
{
    char signs[KEY_NAME_SIZE], opens[KEY_NAME_SIZE];
    struct buffer secret = {0}, public = {0};
    key_name(key->sign, signs);
    key_name(key->box, opens);
    (void)buffer_extend(&secret, 2048); /* at once, so that no copy of it is left in memory */
    secret.size = 0;
    text_add(&secret,
             "# Secret key of Yadokari: not for anybody else. Its public key signs as %s,\n"
             "# is encrypted to as %s and reads\n# %s\n%s\n",
             signs, opens, public_line, secret_line);
    text_add(&public,
             "# Public key of Yadokari: for everybody. Signs as %s, is encrypted to as %s.\n%s\n",
             signs, opens, public_line);
    bool good = write_both(name, &secret, &public, error);
    if (secret.data)
        sodium_memzero(secret.data, secret.capacity);
    buffer_free(&secret);
    buffer_free(&public);
    return good;
}

bool key_generate(const char *name, struct public_key *key, struct error *error)
{
    uint8_t seed[KEY_SIZE], bytes[2 * KEY_SIZE];
    char secret_line[KEY_LINE_MAX], public_line[KEY_LINE_MAX];
    struct secret_key secret;
    if (!start_sodium(error))
        return false;
    randombytes_buf(seed, sizeof seed);
    derive(seed, &secret);
    memcpy(key->sign, secret.sign_public, KEY_SIZE);
    memcpy(key->box, secret.box_public, KEY_SIZE);
    memcpy(bytes, key->sign, KEY_SIZE);
    memcpy(bytes + KEY_SIZE, key->box, KEY_SIZE);
    put_text(secret_line, SECRET, seed, sizeof seed);
    put_text(public_line, PUBLIC, bytes, sizeof bytes);
    bool good = write_pair(name, key, secret_line, public_line, error);
    secret_key_wipe(&secret);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(secret_line, sizeof secret_line);
    return good;
}
