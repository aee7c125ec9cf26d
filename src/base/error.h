/* base/ - what every other folder may use and what uses none of them: errors as values and
 * growable byte buffers. Nothing here knows what WebAssembly is.
 *
 * error.h - a failure as a value: its kind, a message for a person, and where it happened.
 *
 * Every function that can fail returns bool (or a pointer) and takes a `struct error *` that it
 * fills in on failure and leaves alone on success. Nothing below src/cli prints or exits. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum error_kind {
    ERROR_NONE,
    ERROR_MALFORMED,   /* the bytes are not a module (specification, Binary Format) */
    ERROR_INVALID,     /* a module that does not validate (specification, Validation) */
    ERROR_UNSUPPORTED, /* a valid module that uses what Yadokari does not have */
    ERROR_LINK,        /* an import that cannot be supplied */
    ERROR_MEMORY,      /* the machine has no memory left, or a limit set by the user is reached */
    ERROR_IO,          /* a file or the host refused */
    ERROR_SNAPSHOT,    /* a snapshot that is cut, changed, forged, or of another module */
    ERROR_USAGE,       /* what the user asked for makes no sense */
    ERROR_TRAP         /* instantiation trapped: a segment out of bounds, or the start function */
};

#define ERROR_NO_OFFSET UINT64_MAX

/* Natively there is room for every import that a large module lacks (survey/). */
#ifdef __wasm__
#    define ERROR_MESSAGE_MAX 1024
#else
#    define ERROR_MESSAGE_MAX 32768
#endif

struct error {
    enum error_kind kind;
    uint64_t offset; /* byte offset in the module or snapshot, or ERROR_NO_OFFSET */
    char message[ERROR_MESSAGE_MAX];
};

#if defined(__GNUC__)
#    define ERROR_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#    define ERROR_PRINTF(text, first)
#endif

/* Fills `error` (which may be NULL) and returns false, so that a caller can write
 * `return error_set(...)`. A message is one line without a final newline, cleaned (clean.h). */
bool error_set(struct error *error, enum error_kind kind, const char *format, ...)
    ERROR_PRINTF(3, 4);

/* The same with the byte offset at which the thing was found. */
bool error_set_at(struct error *error, enum error_kind kind, uint64_t offset, const char *format,
                  ...) ERROR_PRINTF(4, 5);

/* Puts "prefix: " before the message that is already there, for context; returns false. */
bool error_prefix(struct error *error, const char *format, ...) ERROR_PRINTF(2, 3);

#endif
