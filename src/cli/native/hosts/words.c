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

static bool add_word(struct arguments *arguments, const char *word, size_t length,
                     const struct replacement *replacements, struct error *error)
{
    struct buffer text = {0};
    bool good = true;
    for (size_t i = 0; good && i < length;) {
        const struct replacement *r = replacement_at(word + i, length - i, replacements);
        if (!r && word[i] == '{') {
            good = error_set(error, ERROR_USAGE, "%.*s: nothing is known to put there", (int)length,
                             word);
        } else if (r) {
            buffer_put(&text, r->value, strlen(r->value));
            i += strlen(r->key);
        } else {
            buffer_put_u8(&text, (uint8_t)word[i++]);
        }
    }
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
        size_t length = strcspn(words, " ");
        if (length && !add_word(arguments, words, length, replacements, error))
            return false;
        words += length + (words[length] == ' ');
    }
    return true;
}
