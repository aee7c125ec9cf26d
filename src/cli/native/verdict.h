/* verdict.h - whether a guest that was to come has begun here: a file for each move, made once, by
 * who comes first, in the folder of what is kept.
 *
 *     moves/TOKEN        state=started  told to go: it begins
 *                        then=...       what became of it, when that is known here alone
 *                        state=revoked  asked about before: it never will, so it goes on where it was
 *                        state=failed   told to go, and it could not
 *     moves/TOKEN.life   locked by the `yado receive` of this move for as long as that lives (life.h)
 *
 * One that has started, without a word of what became of it, and with nobody who lives, is *lost*:
 * its receiver was killed, and the guest with it. What says no more than "revoked" would, and is
 * nobody's any more, is removed when the next guest comes. */
#ifndef CLI_NATIVE_VERDICT_H
#define CLI_NATIVE_VERDICT_H

#include "base/buffer.h"
#include "base/error.h"

/* From now on this process receives the guest of that token: a descriptor for verdict_end, or -1
 * with ERROR_IO, ERROR_USAGE for no token. Removes verdicts that nobody needs any more. */
int verdict_begin(const char *token, struct error *error);
void verdict_end(const char *token, int life);

/* Before the guest is told to go. False when it has been revoked. */
bool verdict_start(const char *token, struct error *error);
/* What became of it then. */
void verdict_write(const char *token, const char *lines);
/* It is known where the guest came from: nobody will ask. */
void verdict_forget(const char *token);

/* `yado receive --ask`: appends the verdict's lines, which from now on are there, or "state=lost" and
 * why, as a text. ERROR_USAGE for no token. */
bool verdict_ask(const char *token, struct buffer *text, struct error *error);

#endif
