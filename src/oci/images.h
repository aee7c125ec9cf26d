/* images.h - the directory that an engine gives `checkpoint` and `restore`:
 *
 *     IMAGE-PATH/
 *         guest.snap      the snapshot (docs/snapshot-format.md)
 *         inventory.img   nothing but a line: podman and CRI-O restore only where CRIU's file of that
 *                         name is
 *         parent          a link to the directory before, when the snapshot has a base
 *     WORK-PATH/
 *         dump.log        what was said; containerd puts it into its archives
 *         stats-dump      for podman's --print-stats: CRIU's format, below
 *         stats-restore
 *
 *     stats file   0x55105940 │ 0x57093306 │ size │ message        numbers of 32 bits, little-endian
 *     message      1 or 2 (dump, restore) │ length │ fields        protobuf: tag, value
 *     dump         1 freezing, 2 frozen, 3 memdump, 4 memwrite (microseconds),
 *                  5 pages scanned, 6 skipped for the parent, 7 written, 9 left for later
 *     restore      1 pages compared, 2 skipped, 3 forking, 4 restoring (microseconds) */
#ifndef OCI_IMAGES_H
#define OCI_IMAGES_H

#include <stdint.h>

#include "base/path.h"

#define IMAGES_SNAPSHOT "guest.snap"

struct dump_stats {
    uint64_t microseconds; /* how long the guest stood still */
    uint64_t bytes;        /* of the snapshot */
    uint64_t whole;        /* of the one that it is based on, else 0 */
};

/* Everything but the snapshot. `parent` may be NULL; `log` is what was said. */
bool images_write(const char *image_path, const char *work_path, const char *parent,
                  const struct dump_stats *stats, const char *log, struct error *error);
bool images_write_restore(const char *work_path, uint64_t microseconds, struct error *error);

#endif
