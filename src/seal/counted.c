/* counted.c - loops that need no poll, because they go around only a few times:
 *
 *     i32.const FIRST   local.set x      no label and no other write of x up to the loop
 *     loop
 *       ...                              no calls, none of bulk memory, no other write of x or branch to here
 *       local.get x   i32.const STEP   i32.add   local.tee x   i32.const LAST   i32.ne   br_if 0
 *     end
 *
 * Loops may stand inside, which poll or are such loops themselves, but no loops inside these. */
#include "seal/body.h"

enum {
    ROUNDS_MAX = 64,
    OUTER_MAX = 8,  /* of a loop that has another one in it */
    BODY_MAX = 600, /* bytes: no loop is looked at for long */
    DEPTH_MAX = 2,  /* of loops */
    TAIL = 8        /* the instructions at the end, with `end` */
};

/* A loop's body as it is read. */
struct reading {
    struct instruction tail[TAIL]; /* number i at i % TAIL */
    uint32_t count;
    uint32_t labels[BODY_MAX]; /* of the open blocks: 1 a loop, 0 another */
    uint32_t nlabels, nloops;
    bool is_outer;
    uint32_t branches; /* to the header */
};

void note_constant(struct body *b, uint32_t local, bool is_constant, uint32_t value)
{
    b->constants[local] = (struct constant){is_constant ? b->nlabels : 0, value};
}

/* False: what no such loop has. */
static bool add_instruction(struct reading *r, const struct instruction *i)
{
    r->tail[r->count++ % TAIL] = *i;
    switch (i->opcode) {
    case WASM_BR:
    case WASM_BR_IF: r->branches += i->index + 1 == r->nlabels; return true;
    case WASM_BLOCK:
    case WASM_IF:
    case WASM_LOOP:
        r->labels[r->nlabels++] = i->opcode == WASM_LOOP;
        r->nloops += i->opcode == WASM_LOOP;
        r->is_outer |= i->opcode == WASM_LOOP;
        return r->nloops <= DEPTH_MAX;
    case WASM_END: r->nloops -= r->labels[--r->nlabels]; return true;
    case WASM_UNREACHABLE:
    case WASM_NOP:
    case WASM_ELSE:
    case WASM_RETURN: return true;
    case WASM_BR_TABLE:
    case WASM_CALL:
    case WASM_CALL_INDIRECT:
    case WASM_RETURN_CALL:
    case WASM_RETURN_CALL_INDIRECT: return false;
#define OPCODE(name, ...) case WASM_##name:
#define CONTROL(...)
#include "wasm/opcodes.def"
        return !moves_much(i->opcode);
    }
    return false;
}

/* From the loop's first instruction to behind its `end`. */
static bool read_body(struct reader reader, struct reading *r)
{
    const uint8_t *start = reader.at;
    struct instruction i;
    *r = (struct reading){.labels = {1}, .nlabels = 1, .nloops = 1};
    while (r->nlabels > 0)
        if (!walk_next(&reader, &i) || i.start - start >= BODY_MAX || !add_instruction(r, &i))
            return false;
    return true;
}

static uint32_t writes_of(uint32_t local, struct reader reader, uint32_t instructions)
{
    uint32_t writes = 0;
    struct instruction i;
    while (instructions-- && walk_next(&reader, &i))
        writes += (i.opcode == WASM_LOCAL_SET || i.opcode == WASM_LOCAL_TEE) && i.index == local;
    return writes;
}

bool is_counted_loop(const struct body *b)
{
    static const uint8_t ending[TAIL] = {WASM_LOCAL_GET, WASM_I32_CONST, WASM_I32_ADD,
                                         WASM_LOCAL_TEE, WASM_I32_CONST, WASM_I32_NE,
                                         WASM_BR_IF,     WASM_END};
    struct reading r;
    struct instruction last[TAIL];
    if (!read_body(b->reader, &r) || r.branches != 1 || r.count < TAIL)
        return false;
    for (uint32_t i = 0; i < TAIL; i++) {
        last[i] = r.tail[(r.count + i) % TAIL];
        if (last[i].opcode != ending[i])
            return false;
    }
    uint32_t local = last[0].index;
    const struct constant *first = &b->constants[local];
    if (last[3].index != local || last[6].index != 0 || first->label != b->nlabels ||
        writes_of(local, b->reader, r.count) != 1)
        return false;
    int64_t way = (int64_t)(int32_t)(uint32_t)last[4].bits - (int32_t)first->value;
    int64_t step = (int32_t)(uint32_t)last[1].bits;
    return step != 0 && way % step == 0 && way / step > 0 &&
           way / step <= (r.is_outer ? OUTER_MAX : ROUNDS_MAX);
}
