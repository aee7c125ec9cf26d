/* sites.h - the sites of functions, looked up, and frames held against them. For every tier: what
 * is accepted as a frame does not depend on who runs it.
 *
 * The sites of a function are made once (lower/site.h) and kept in a `struct site_maps` while the
 * work lasts. */
#ifndef EXEC_SITES_H
#define EXEC_SITES_H

#include "base/buffer.h"
#include "exec/execution.h"

/* The sites of one function, in the order of the bytecode: offsets and register code ascend. */
struct site_map {
    uint32_t funcidx;
    struct buffer sites;    /* struct site; `operands` is not used */
    struct buffer operands; /* struct operand of all sites, but for those that are shared */
    struct buffer starts;   /* uint32_t: index in `operands` of each site's first */
    struct buffer row;      /* struct operand: room for the most of a site; those of `row_of` */
    const struct site *row_of;
    struct buffer live; /* with liveness: `live_words` words for each site (lower/liveness.h) */
    uint32_t live_words;
    uint32_t reach; /* UINT32_MAX: all of them are there */
    valtype *local_types;
};

/* `liveness`: whether the maps know which locals are live. NULL when memory runs out. */
struct site_maps *site_maps_create(uint32_t nfuncs, bool liveness);
void site_maps_free(struct site_maps *maps);
/* Of a function whose map has not been made yet: that sites behind that place in its register code
 * will not be asked for (the largest that is told holds), and where the others are noted, or
 * NULL. */
void site_maps_reach(struct site_maps *maps, uint32_t funcidx, uint32_t code, const uint8_t *notes);

/* The map of a function that the module defines, made when it is not there yet. NULL when memory
 * runs out. */
struct site_map *site_map_of(struct site_maps *maps, const struct module *module, uint32_t funcidx,
                             struct error *error);

uint32_t site_map_count(const struct site_map *map);
const struct site *site_map_at(const struct site_map *map, uint32_t index);
uint32_t site_map_index(const struct site_map *map, const struct site *site);
/* Until those of another site are asked for. */
const struct operand *site_map_operands(struct site_map *map, const struct site *site);
/* Only with liveness. */
bool site_map_is_live(const struct site_map *map, uint32_t siteidx, uint32_t local);
/* The site of that kind at a bytecode offset (`by_code` false) or at register code, or NULL. */
const struct site *site_map_find(const struct site_map *map, enum site_kind kind, bool by_code,
                                 uint32_t key);

/* Holds a frame against the module and against the frame pushed before it (see
 * execution_push_frame). Returns its site, or NULL with ERROR_SNAPSHOT. When it has got its place,
 * frame_pushed makes it the one before the next. */
const struct site *frame_check(struct site_maps *maps, const struct instance *instance,
                               const struct frame *frame, struct site_map **map,
                               struct error *error);
void frame_pushed(struct site_maps *maps, const struct frame *frame, const struct site *site);
/* The site of the frame pushed last and its function, or NULL. */
const struct site *frame_below(const struct site_maps *maps, uint32_t *funcidx);

/* ERROR_SNAPSHOT that names the frame; returns false. */
bool frame_wrong(struct error *error, const struct frame *frame, const char *reason);

/* That the innermost frame is at a place where a run can go on; its kind. */
bool frames_complete(const struct site_maps *maps, enum site_kind *kind, struct error *error);

#endif
