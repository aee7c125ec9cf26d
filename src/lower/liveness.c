/* liveness.c - backwards over the structured code, again as long as a loop's header changes.
 *
 * Wasm's code is structured: walking backwards, the live set behind a block's `end` is known before
 * any branch to it is met. Only a branch back to a `loop` needs what is not known yet: the set at
 * the loop's start from the walk before, at first empty. A walk more for each level of nesting is
 * enough. Code that cannot be reached changes nothing: the branch before it begins with the set
 * of its target. */
#include <stdlib.h>
#include <string.h>

#include "lower/code.h"
#include "lower/liveness.h"
#include "wasm/walk.h"

/* What concerns locals and control, in the order of the bytecode. */
struct event {
    uint32_t offset;
    enum opcode opcode;
    uint32_t arg; /* the local; of a branch the label's depth, of br_table where its labels are; of
                     a `loop` its number */
};

/* A block that the walk is in. */
struct open {
    uint32_t opcode; /* WASM_BLOCK (an `if` too), WASM_LOOP */
    uint32_t
        set; /* what is live where a branch to it goes: in `stack`, or of a loop in `headers` */
    bool has_else;
};

/* The set at the sites of an instruction. */
struct record {
    uint32_t offset;
    uint32_t set; /* in `sets` */
};

struct liveness {
    const struct module *module;
    uint32_t words; /* of a set */
    uint32_t nloops;
    uint64_t *live;
    uint64_t *headers;     /* a set for each loop */
    struct buffer events;  /* struct event */
    struct buffer opens;   /* struct open */
    struct buffer stack;   /* two sets for each open block: behind its end, at its else */
    struct buffer records; /* struct record, last site first */
    struct buffer sets;
    uint32_t nsets;
    bool fresh; /* `live` is what was recorded last */

    liveness_visitor visit;
    void *context;
    size_t next; /* record, from the end */
};

static void add_event(struct liveness *l, const struct instruction *i, uint32_t arg)
{
    struct event event = {(uint32_t)(i->start - l->module->bytes), i->opcode, arg};
    buffer_put(&l->events, &event, sizeof event);
}

static void read_event(struct liveness *l, const struct instruction *i)
{
    switch (i->opcode) {
    case WASM_LOOP: add_event(l, i, l->nloops++); break;
    case WASM_BR_TABLE: /* where its labels are, from their count on */
        add_event(l, i, (uint32_t)(i->start + 1 - l->module->bytes));
        break;
    case WASM_BR:
    case WASM_BR_IF:
    case WASM_LOCAL_GET:
    case WASM_LOCAL_SET:
    case WASM_LOCAL_TEE: add_event(l, i, i->index); break;
    case WASM_UNREACHABLE:
    case WASM_BLOCK:
    case WASM_IF:
    case WASM_ELSE:
    case WASM_END:
    case WASM_RETURN:
    case WASM_CALL:
    case WASM_CALL_INDIRECT:
    case WASM_RETURN_CALL:
    case WASM_RETURN_CALL_INDIRECT: add_event(l, i, 0); break;
    case WASM_NOP:
    case WASM_GLOBAL_GET:
    case WASM_GLOBAL_SET:
#define OPCODE(name, ...) case WASM_##name:
#define CONTROL(...)
#define VARIABLE(...)
#include "wasm/opcodes.def"
        break;
    }
}

static bool read_events(struct liveness *l, const struct func *func)
{
    struct reader reader = walk_body(l->module, func);
    struct instruction i;
    while (reader.at != reader.end && !l->events.failed && walk_next(&reader, &i))
        read_event(l, &i);
    return !l->events.failed;
}

/* Sets. */

static size_t set_size(const struct liveness *l)
{
    return l->words * sizeof(uint64_t);
}

static uint64_t *header_set(struct liveness *l, uint32_t loop)
{
    return l->headers + (size_t)loop * l->words;
}

/* Behind the end of the block at that place in `opens`, and at its else. */
static uint64_t *end_set(struct liveness *l, size_t open)
{
    return (uint64_t *)(void *)(l->stack.data + 2 * open * set_size(l));
}

static uint64_t *else_set(struct liveness *l, size_t open)
{
    return end_set(l, open) + l->words;
}

static void unite(struct liveness *l, const uint64_t *set)
{
    for (uint32_t i = 0; i < l->words; i++)
        l->live[i] |= set[i];
    l->fresh = false;
}

static void replace(struct liveness *l, const uint64_t *set)
{
    if (set)
        memcpy(l->live, set, set_size(l));
    else
        memset(l->live, 0, set_size(l));
    l->fresh = false;
}

/* Blocks. */

static size_t open_count(const struct liveness *l)
{
    return l->opens.size / sizeof(struct open);
}

static struct open *open_at(struct liveness *l, size_t index)
{
    return (struct open *)(void *)l->opens.data + index;
}

/* The set where a branch to that label goes; NULL: the function returns. */
static const uint64_t *label_set(struct liveness *l, uint32_t depth)
{
    size_t count = open_count(l);
    if (depth + 1 >= count)
        return NULL; /* the outermost is the body itself */
    size_t index = count - 1 - depth;
    const struct open *open = open_at(l, index);
    return open->opcode == WASM_LOOP ? header_set(l, open->set) : end_set(l, index);
}

static bool enter_end(struct liveness *l, uint32_t loop)
{
    struct open open = {.opcode = loop == UINT32_MAX ? WASM_BLOCK : WASM_LOOP, .set = loop};
    size_t index = open_count(l);
    buffer_put(&l->opens, &open, sizeof open);
    if (l->stack.size < 2 * (index + 1) * set_size(l))
        buffer_extend(&l->stack, 2 * set_size(l));
    if (l->opens.failed || l->stack.failed)
        return false;
    memcpy(end_set(l, index), l->live, set_size(l));
    return true;
}

/* At an `else`, from behind: the other arm ends where the whole block does. */
static void enter_else(struct liveness *l)
{
    size_t index = open_count(l) - 1;
    open_at(l, index)->has_else = true;
    memcpy(else_set(l, index), l->live, set_size(l));
    replace(l, end_set(l, index));
}

static void leave_if(struct liveness *l)
{
    size_t index = open_count(l) - 1;
    unite(l, open_at(l, index)->has_else ? else_set(l, index) : end_set(l, index));
}

/* Whether the set at the loop's start is another than in the walk before. */
static bool leave_loop(struct liveness *l, uint32_t loop)
{
    uint64_t *header = header_set(l, loop);
    if (memcmp(header, l->live, set_size(l)) == 0)
        return false;
    memcpy(header, l->live, set_size(l));
    return true;
}

static void branch_table(struct liveness *l, uint32_t labels)
{
    const uint8_t *at = l->module->bytes + labels;
    replace(l, NULL);
    for (uint32_t count = leb_u32(&at) + 1; count--;) {
        const uint64_t *set = label_set(l, leb_u32(&at));
        if (set)
            unite(l, set);
    }
}

/* One walk. */

static void record(struct liveness *l, uint32_t offset)
{
    if (!l->fresh) {
        buffer_put(&l->sets, l->live, set_size(l));
        l->nsets++;
    }
    l->fresh = true;
    struct record record = {offset, l->nsets - 1};
    buffer_put(&l->records, &record, sizeof record);
}

static void local_event(struct liveness *l, const struct event *event)
{
    uint64_t bit = (uint64_t)1 << event->arg % 64, *word = &l->live[event->arg / 64];
    uint64_t after = event->opcode == WASM_LOCAL_GET ? *word | bit : *word & ~bit;
    l->fresh &= after == *word;
    *word = after;
}

/* `loop_ends` has the number of the loop that an `end` at that event ends, or UINT32_MAX. */
static bool walk_event(struct liveness *l, const struct event *event, uint32_t loop_end,
                       bool *changed)
{
    switch (event->opcode) {
    case WASM_LOCAL_GET:
    case WASM_LOCAL_SET:
    case WASM_LOCAL_TEE: local_event(l, event); break;
    case WASM_CALL:
    case WASM_CALL_INDIRECT: record(l, event->offset); break;
    case WASM_RETURN_CALL: /* of an import: a call, then a return */
    case WASM_RETURN_CALL_INDIRECT:
        replace(l, NULL);
        record(l, event->offset);
        break;
    case WASM_END: return enter_end(l, loop_end);
    case WASM_ELSE: enter_else(l); break;
    case WASM_IF:
        leave_if(l);
        l->opens.size -= sizeof(struct open);
        break;
    case WASM_LOOP:
        *changed |= leave_loop(l, event->arg);
        record(l, event->offset);
        l->opens.size -= sizeof(struct open);
        break;
    case WASM_BLOCK: l->opens.size -= sizeof(struct open); break;
    case WASM_BR: replace(l, label_set(l, event->arg)); break;
    case WASM_BR_IF: {
        const uint64_t *set = label_set(l, event->arg);
        if (set)
            unite(l, set);
        break;
    }
    case WASM_BR_TABLE: branch_table(l, event->arg); break;
    case WASM_UNREACHABLE:
    case WASM_RETURN: replace(l, NULL); break;
    case WASM_NOP: /* these are no events */
    case WASM_GLOBAL_GET:
    case WASM_GLOBAL_SET:
#define OPCODE(name, ...) case WASM_##name:
#define CONTROL(...)
#define VARIABLE(...)
#include "wasm/opcodes.def"
        break;
    }
    return true;
}

/* For each event that is an `end` the number of its loop, UINT32_MAX for the others. */
static bool find_loop_ends(struct liveness *l, uint32_t *loop_ends)
{
    const struct event *events = (const struct event *)(const void *)l->events.data;
    size_t count = l->events.size / sizeof *events;
    struct buffer blocks = {0};
    for (size_t i = 0; i < count; i++) {
        uint32_t opcode = events[i].opcode;
        uint32_t loop = opcode == WASM_LOOP ? events[i].arg : UINT32_MAX;
        loop_ends[i] = UINT32_MAX;
        if (opcode == WASM_BLOCK || opcode == WASM_LOOP || opcode == WASM_IF) {
            buffer_put(&blocks, &loop, sizeof loop);
        } else if (opcode == WASM_END && blocks.size) {
            blocks.size -= sizeof loop;
            memcpy(&loop_ends[i], blocks.data + blocks.size, sizeof loop);
        }
    }
    bool good = !blocks.failed;
    buffer_free(&blocks);
    return good;
}

static bool walk(struct liveness *l, const uint32_t *loop_ends, bool *changed)
{
    const struct event *events = (const struct event *)(const void *)l->events.data;
    *changed = false;
    l->opens.size = l->records.size = l->sets.size = 0;
    l->nsets = 0;
    replace(l, NULL);
    for (size_t i = l->events.size / sizeof *events; i-- > 0;)
        if (!walk_event(l, &events[i], loop_ends[i], changed))
            return false;
    return true;
}

static bool analyse(struct liveness *l, const struct func *func)
{
    if (!read_events(l, func))
        return false;
    uint32_t *loop_ends = malloc((l->events.size / sizeof(struct event) + 1) * sizeof *loop_ends);
    l->headers = calloc((size_t)l->nloops * l->words + 1, sizeof *l->headers);
    bool good = loop_ends && l->headers && find_loop_ends(l, loop_ends), changed = true;
    while (good && changed)
        good = walk(l, loop_ends, &changed);
    if (good)
        record(l, func->code); /* the entry; the first site's record is the last */
    free(loop_ends);
    return good && !l->records.failed && !l->sets.failed;
}

/* Meets the sites in the order of the bytecode; records of code that cannot be reached have none.
 */
static bool visit_with_set(void *context, const struct site *site)
{
    struct liveness *l = context;
    const struct record *records = (const struct record *)(const void *)l->records.data;
    if (site->kind != SITE_ENTRY)
        while (records[l->next].offset != site->offset ||
               l->next + 1 == l->records.size / sizeof *records)
            l->next--;
    memcpy(l->live, l->sets.data + records[l->next].set * set_size(l), set_size(l));
    for (uint32_t i = 0; i < site->noperands; i++)
        if (site->operands[i].place == OPERAND_LOCAL) {
            uint32_t local = site->operands[i].at;
            l->live[local / 64] |= (uint64_t)1 << local % 64;
        }
    return l->visit(l->context, site, l->live);
}

bool lower_liveness(const struct module *module, uint32_t funcidx, liveness_visitor visit,
                    void *context, struct error *error)
{
    const struct func *func = &module->funcs[funcidx];
    struct liveness l = {
        .module = module, .words = func->nlocals / 64 + 1, .visit = visit, .context = context};
    uint64_t *live = calloc(l.words, sizeof *live);
    l.live = live;
    bool good = live && analyse(&l, func);
    if (good) {
        l.next = l.records.size / sizeof(struct record) - 1;
        good = lower_sites(module, funcidx, visit_with_set, &l, error);
    } else {
        error_set(error, ERROR_MEMORY, "no memory for the liveness of function %u", funcidx);
    }
    free(live);
    free(l.headers);
    buffer_free(&l.events);
    buffer_free(&l.opens);
    buffer_free(&l.stack);
    buffer_free(&l.records);
    buffer_free(&l.sets);
    return good;
}
