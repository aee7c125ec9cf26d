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

struct resolved {
    char data[MAX_RESOLVED];
    size_t size;
};

/* What to do when the last component is a symbolic link. */
enum last_component {
    LAST_KEEP,   /* the operation is on the link itself */
    LAST_FOLLOW, /* the operation is on what it leads to, which need not exist */
    LAST_REFUSE  /* LOOP */
};

/* NOTCAPABLE when the path leaves `dir`. */
wasi_errno resolve_path(handle dir, struct path path, enum last_component last,
                        struct resolved *resolved);

/* What a link says, and the host's filestat in the preview's layout. */
wasi_errno read_link(handle dir, struct path path, uint8_t *buffer, uint32_t size, uint32_t *used);
wasi_errno path_filestat(handle dir, struct path path, struct filestat *stat);

#endif
