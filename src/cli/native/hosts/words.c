#include "cli/native/hosts/words.h"

#include <string.h>

static const struct replacement *replacement_at(const char *at, size_t length,
                                                const struct replacement *replacements)
{
    for (; replacements->key; replacements++) {
        size_t size = strlen(replacements->key);
        if (size <= length && strncmp(at, replacements->key, size) == 0)
            return replacements;
    }
    return NULL;
}

/* The end of the word at `at`: a space that is not between quotes. NULL: a quote does not end. */
static const char *word_end(const char *at)
{
    bool quoted = false;
    for (; *at && (quoted || *at != ' '); at++) {
        quoted ^= *at == '"';
        if (quoted && *at == '\\' && at[1])
            at++;
    }
    return quoted ? NULL : at;
}

bool words_end(const char *words)
{
    while (words && *words)
        if ((words = word_end(words)) && *words)
            words++;
    return words != NULL;
}

/* The part of a word at `*at`, which moves on: a placeholder, a quote, a byte. */
static bool add_part(struct buffer *text, const char **at, const char *end, bool *quoted,
                     const struct replacement *replacements)
{
    const struct replacement *r = replacement_at(*at, (size_t)(end - *at), replacements);
    if (r) {
        buffer_put(text, r->value, strlen(r->value));
        *at += strlen(r->key);
        return true;
    }
    if (**at == '{')
        return false;
    if (*quoted && **at == '\\' && *at + 1 < end)
        ++*at;
    else if (**at == '"') {
        *quoted = !*quoted;
        ++*at;
        return true;
    }
    buffer_put_u8(text, (uint8_t)*(*at)++);
    return true;
}

static bool add_word(struct arguments *arguments, const char *word, const char *end,
                     const struct replacement *replacements, struct error *error)
{
    struct buffer text = {0};
    bool good = true, quoted = false;
    for (const char *at = word; good && at < end;)
        good = add_part(&text, &at, end, &quoted, replacements) ||
               error_set(error, ERROR_USAGE, "%.*s: nothing is known to put there",
                         (int)(end - word), word);
    buffer_put_u8(&text, 0);
    if (good && text.failed)
        good = error_set(error, ERROR_MEMORY, "no memory for a command line");
    if (good)
        arguments_add(arguments, "%s", (const char *)text.data);
    buffer_free(&text);
    return good;
}

bool words_add(struct arguments *arguments, const char *words,
               const struct replacement *replacements, struct error *error)
{
    while (words && *words) {
        const char *end = word_end(words);
        if (!end)
            return error_set(error, ERROR_USAGE, "%s: a quote that does not end", words);
        if (end != words && !add_word(arguments, words, end, replacements, error))
            return false;
        words = end + (*end == ' ');
    }
    return true;
}
