/* resolve.h - symbolic links are resolved here, not by the host.
 *
 * Hosts differ in what a symbolic link may do. Some keep it inside the directory that the path is
 * relative to, some only inside the directory that the user gave to Yadokari, which may be larger
 * than what Yadokari gives to the guest, and wazero lets it lead anywhere. So a host only ever gets
 * paths without links and without "..": each component is looked at first. (Somebody else who
 * exchanges a directory for a link at that very moment can still lead the host astray; natively,
 * where the kernel does it all at once, he cannot.) */
#ifndef HOST_WASI_RESOLVE_H
#define HOST_WASI_RESOLVE_H

#include "host/files.h"

enum { MAX_RESOLVED = 4096, MAX_LINKS = 40 };

/* Where a path leads, and how it ends there. */
struct resolved {
    char data[MAX_RESOLVED];
    size_t size;
    uint8_t dots;         /* 1: the path ends in ".", 2: in ".." */
    bool slash;           /* there is a slash behind its last component */
    bool missing;         /* with LAST_MAKE: there is nothing yet */
    struct filestat stat; /* with LAST_LOOK, unless it is missing */
};

/* What becomes of the last component. All before it are directories, or links to such. */
enum {
    LAST_NAME = 0, /* only its name is wanted: it is not looked at, and a link not followed */
    LAST_LOOK = 1, /* it has to be there, and be a directory if there is a slash behind it */
    LAST_FOLLOW = 2,
    LAST_MAKE = 4 /* it need not be there; ISDIR if there is a slash behind it */
};

/* As Linux resolves it. NOTCAPABLE when the path leaves `dir`. */
wasi_errno resolve_path(handle dir, struct path path, unsigned last, struct resolved *resolved);

/* What a link says, and the host's filestat in the preview's layout. */
wasi_errno read_link(handle dir, struct path path, uint8_t *buffer, uint32_t size, uint32_t *used);
wasi_errno path_filestat(handle dir, struct path path, struct filestat *stat);

#endif
