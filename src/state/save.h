/* save.h - what is written into a file (base/output.h), in an envelope if there is one. */
#ifndef STATE_SAVE_H
#define STATE_SAVE_H

#include "state/snapshot.h"

/* What is written, and where to. */
struct saving {
    /* Writes all of it. The file's device and inode are given, so that it need not read itself. */
    bool (*fill)(void *context, const struct sink *file, uint64_t dev, uint64_t ino,
                 struct error *error);
    void *context;
    const struct wrapping *wrapping; /* may be NULL */
    bool sync;                       /* flush to the disk, so that it outlives the machine */
    uint32_t keep; /* how many of that name are kept, the older ones as PATH.1 and so on; 0 is 1 */
    const struct file_check *check; /* may be NULL */
};

/* As base/output.h has it, with mode 0600. `size` (may be NULL) is the file's. */
bool file_save(const struct saving *saving, const char *path, uint64_t *size, struct error *error);

#endif
