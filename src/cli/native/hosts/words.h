/* words.h - the words of a configuration file's value as arguments, {...} in them replaced. */
#ifndef CLI_NATIVE_HOSTS_WORDS_H
#define CLI_NATIVE_HOSTS_WORDS_H

#include "cli/native/process.h"

/* A list of them ends with a NULL key. */
struct replacement {
    const char *key; /* with its braces */
    const char *value;
};

/* Whether every quote in them ends. */
bool words_end(const char *words);

/* ERROR_USAGE names a {...} that `replacements` does not have. */
bool words_add(struct arguments *arguments, const char *words,
               const struct replacement *replacements, struct error *error);

#endif
