/* verdict.h - whether a guest that was to come has begun here: a file for each, made once, by who
 * comes first.
 *
 *     told to go:        state=started   ──▶ it begins
 *     asked about before: state=revoked  ──▶ it never will, so it goes on where it was */
#ifndef CLI_NATIVE_VERDICT_H
#define CLI_NATIVE_VERDICT_H

#include "base/error.h"

/* Before the guest is told to go. False when it has been revoked. */
bool verdict_start(const char *token, struct error *error);
/* What became of it then. */
void verdict_write(const char *token, const char *lines);
void verdict_forget(const char *token);

/* `yado receive --ask`: prints the file, which from now on is there. ERROR_USAGE for no token. */
bool verdict_ask(const char *token, struct error *error);

#endif
