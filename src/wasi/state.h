/* state.h - what a guest has of WASI: the state that wasi_save writes down. For src/wasi only. */
#ifndef WASI_STATE_H
#define WASI_STATE_H

#include "host/files.h"
#include "wasi/wasi.h"

enum { MAX_DESCRIPTORS = 1 << 16, MAX_GUEST_PATH = 4096 };

/* A string of `size` bytes, terminated as well; none of the bytes is NUL. Owned. */
struct text {
    char *data;
    uint32_t size;
};

struct texts {
    struct text *items;
    uint32_t count;
};

/* The numbers stand in snapshots: never change one. */
enum descriptor_kind {
    DESCRIPTOR_CLOSED = 0,
    DESCRIPTOR_STREAM = 1,     /* standard input, output or error */
    DESCRIPTOR_PREOPEN = 2,    /* a directory that the user gave */
    DESCRIPTOR_FILE = 3,       /* opened below a preopen; not a directory */
    DESCRIPTOR_DIRECTORY = 4,  /* opened below a preopen */
    DESCRIPTOR_CONNECTION = 5, /* from sock_accept; does not survive a restore */
    DESCRIPTOR_LISTENER = 6    /* a listening socket that the user gave */
};

struct listing;

struct descriptor {
    enum descriptor_kind kind;
    handle handle;     /* of the machine; HANDLE_NONE: a connection that is lost */
    uint8_t filetype;  /* enum filetype */
    bool cannot_wait;  /* the machine refused to wait for it with a time limit */
    bool cannot_room;  /* likewise until it can be written */
    uint16_t room;     /* bytes that can be written without another look at whether it blocks */
    bool always_ready; /* a standard stream that is a file: reading never blocks */
    bool follow;       /* it was opened with LOOKUP_SYMLINK_FOLLOW */
    uint16_t fdflags;  /* as the guest set them, not as the machine reports them */
    uint16_t in_force; /* as the machine reported them when it was opened */
    uint64_t rights;   /* likewise */
    uint64_t inheriting;
    uint32_t source;         /* stream 0, 1, 2, or the preopen that it is (below) */
    struct text path;        /* FILE and DIRECTORY: below the preopen, without "." and "..";
                                LISTENER: its address */
    struct listing *listing; /* a directory being read (readdir.c), or NULL; not saved */
};

struct preopen {
    struct text guest_path;
    struct host_directory directory; /* HANDLE_NONE: the guest closed it and uses it no more */
    bool same_place;                 /* load.c: it is the directory that the snapshot knew */
};

/* The guest's reading of a clock is the machine's plus `offset`, and never less than `last`. */
struct guest_clock {
    bool asked; /* the guest has read it; otherwise nothing of it is saved */
    uint64_t offset;
    uint64_t last;
};

struct binding;
struct saved;

struct wasi {
    struct texts arguments;
    struct texts environment;
    struct preopen *preopens;
    uint32_t npreopens;
    struct descriptor *descriptors; /* by the guest's number */
    uint32_t ndescriptors;
    struct guest_clock clocks[4]; /* by clock number; CLOCK_REAL has no state */
    uint64_t started;             /* host_monotonic when this was created */

    /* A poll_oneoff was left with CALL_STOP; it is the next call, and has waited this long. */
    bool waiting;
    uint64_t waited; /* nanoseconds */

    /* A random_get was left in the same way and has filled that much. Not saved. */
    uint32_t drawn;

    bool (*interrupted)(void *context);
    void *context;
    bool nested;              /* the call comes from a run whose caller's frames nobody can leave */
    uint32_t stride;          /* pace.c: it is asked at each so many calls */
    uint32_t unasked;         /* calls until then */
    uint64_t asked_at;        /* host_monotonic */
    struct binding *bindings; /* imports that were given out */
    struct saved *saved;      /* load.c: from wasi_load to wasi_resume, else NULL */
};

/* ---- wasi.c */

bool text_set(struct text *text, const void *data, size_t size);
void text_free(struct text *text);
/* Valid UTF-8 without NUL. */
bool text_valid(const void *data, size_t size);
/* A WASI state without anything in it, or NULL; what is in it later, wasi_destroy frees. */
struct wasi *wasi_new(const struct wasi_options *options);

/* ---- load.c */

void saved_free(struct saved *saved);

/* ---- clock_functions.c */

/* The guest's reading of a clock; marks it as asked for. */
wasi_errno clock_read(struct wasi *wasi, uint32_t clock, uint64_t *time);
/* Makes the clock go on from `time`. */
void clock_continue(struct wasi *wasi, uint32_t clock, uint64_t time);

/* ---- descriptors.c */

/* The descriptor `fd`, if it has all of `rights`. */
wasi_errno descriptor_get(struct wasi *wasi, uint32_t fd, uint64_t rights,
                          struct descriptor **descriptor);
/* The lowest number that is not in use. The descriptor stays closed until its kind is set, and a
 * pointer to another one is no longer valid. */
wasi_errno descriptor_reserve(struct wasi *wasi, uint32_t *fd);
/* Makes room for descriptor `fd`; false when memory runs out or it is MAX_DESCRIPTORS or more. */
bool descriptor_room(struct wasi *wasi, uint32_t fd);
/* Opens `path` on the machine: handle, filetype and flags. Nothing stays open on failure. */
struct file_request {
    handle dir;
    uint32_t lookup;
    struct path path;
    uint16_t oflags;
    uint64_t rights;
    uint64_t inheriting;
    uint16_t fdflags;
};
wasi_errno descriptor_open(struct descriptor *descriptor, const struct file_request *request);
/* Closes what the machine has of it, unless it belongs to a preopen or a stream. */
wasi_errno descriptor_close(struct descriptor *descriptor);
/* Makes a LISTENER of it. False when memory runs out. */
bool descriptor_listen(struct descriptor *descriptor, struct wasi_listener *listener);
/* Streams 0 to 2 and the preopens after them. */
bool descriptors_standard(struct wasi *wasi, struct error *error);
/* What the machine knows of a standard stream is asked again. */
void descriptor_probe_stream(struct descriptor *descriptor);

/* ---- readdir.c */

void listing_free(struct listing *listing);

#endif
