#include "cli/native/hosts/words.h"

#include <stdio.h>
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
    char text[4096];
    size_t used = 0;
    for (size_t i = 0; i < length && used + 1 < sizeof text;) {
        const struct replacement *r = replacement_at(word + i, length - i, replacements);
        if (!r && word[i] == '{')
            return error_set(error, ERROR_USAGE, "%.*s: nothing is known to put there", (int)length,
                             word);
        if (r) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s", r->value);
            i += strlen(r->key);
        } else {
            text[used++] = word[i++];
        }
    }
    text[used < sizeof text ? used : sizeof text - 1] = 0;
    arguments_add(arguments, "%s", text);
    return true;
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
