/* asking.h - what who has a guest's turn (entry.h) asks of it (guest/request.h), and what comes of it.
 */
#ifndef CLI_NATIVE_ASKING_H
#define CLI_NATIVE_ASKING_H

#include "cli/native/entry.h"
#include "guest/request.h"

#define REQUEST_ID_ROOM 20

/* An id that no other request has. */
void asking_id(char id[REQUEST_ID_ROOM]);

/* Puts the request where the guest looks; before it, this text into its `hold`. */
bool asking_post(const struct registered *entry, const struct request *request, const char *text,
                 struct error *error);

/* Whether the answer to this request is there; `text` takes it, terminated. */
bool asking_answered(const struct registered *entry, const char *id, struct buffer *text);

/* Whether an answer can still come that has been waited for since then: false, and ERROR_IO, when
 * the registry's disk is full, so that the guest cannot write any. */
bool asking_may_come(const struct registered *entry, uint64_t since, struct error *error);

/* Whether the answer says that it was done; ERROR_IO with what it says else. */
bool asking_was_done(const struct buffer *text, struct error *error);

#endif
