/* body.h - the state of making one copy of one function. Internal to seal/.
 *
 * A copy is made by one walk over the bytecode with a model of its operand stack, done twice: the
 * first walk writes nothing and finds out which operands lie below a site and so need a local of
 * their own (a temporary, written by a `local.tee` where the operand is made), which loops call
 * what can unwind, and, for a resume copy, where it can be entered. The second walk writes.
 *
 *     body.c          the walk, operands, locals
 *     emit_control.c  blocks, branches, loops with their polls
 *     counted.c       loops that need no poll
 *     retained.c      what passes a poll's call in memory
 *     emit_call.c     calls
 *     emit_plain.c    what is not copied as it is: memory, tables, references, what old hosts lack
 *     unwind.c        what stands at the function's end: leaving it, with the frame saved,
 *     saving.c        as a hot copy does that
 *     hot.c           around a hot copy
 *     resume.c        around a resume copy, and where it is entered
 */
#ifndef SEAL_BODY_H
#define SEAL_BODY_H

#include "seal/analysis.h"
#include "seal/encode.h"
#include "seal/live_sites.h"
#include "wasm/walk.h"

#define NONE UINT32_MAX

/* What the first walk finds out about a loop: it calls what can unwind or take long; there are calls or loops in
 * it; each round calls the function itself; half the size of its body in bytes, up to LOOP_SIZE. */
enum { LOOP_UNWINDS = 0x80, LOOP_COMPLEX = 0x40, LOOP_RECURS = 0x20, LOOP_SIZE = 0x1F };

/* An operand: which, in the order in which they are made, and of which type. */
struct value {
    uint32_t number;
    valtype type;
};

/* What a local is known to hold since the label of that number (struct body: nlabels); 0: nothing.
 */
struct constant {
    uint32_t label, value;
};

struct block {
    const struct functype *type;
    uint32_t height; /* of the operand stack below the parameters */
    uint32_t
        target;    /* how many blocks of the copy are open inside the one that a branch leads to */
    uint32_t site; /* of a loop */
    uint32_t loop; /* number of a loop */
    uint32_t in_loop;         /* how many blocks are open from the innermost loop outwards, or 0 */
    uint32_t sequence;        /* resume copies: what it belongs to, and a loop's own */
    uint32_t entry;           /* resume copies: a loop's */
    uint32_t loops;           /* around what is inside */
    uint32_t hoist, landings; /* resume copies: the number of a block, and of landings before it */
    uint8_t opcode;           /* WASM_BLOCK ..., WASM_END for the function */
    bool branched;            /* something leads to its end, */
    bool reached;             /* and is written */
    bool continued;           /* of a loop: something leads to its header */
    bool mute;                /* what stands before it is not reached */
    bool polls;
    bool counted;        /* of a loop: counted.c */
    uint32_t header;     /* of a loop, as `target` */
    uint32_t copies;     /* of a loop's body that are still to be written */
    uint32_t body_value; /* where its body begins: the number of the next operand, */
    const uint8_t *body; /* the bytecode */
};

/* Where a resume copy has the `end` of a block that was opened at the beginning of its sequence: a
 * landing, at which it is entered, or the end of a guest's block or of an `if`'s first arm. */
enum entry_kind { ENTRY_NONE, ENTRY_CALL, ENTRY_HOST_CALL, ENTRY_LOOP, ENTRY_ELSE, ENTRY_END };
struct entry {
    enum entry_kind kind;
    uint32_t low, high; /* the sites behind a landing: from low on, below high */
    valtype result;     /* of a guest's block */
    uint32_t target;    /* as in struct block */
    uint32_t next;      /* of the same sequence */
};
struct sequence {
    uint32_t first, last; /* entries; in the second walk, `first` is the next */
    uint32_t landings;
};
/* A guest's block or `if`, in the order in which they begin. */
struct hoist {
    bool hoisted;            /* it is opened at the beginning of its sequence */
    uint32_t end, otherwise; /* entries, or NONE */
};

struct body {
    struct plan *plan;
    const struct analysis *analysis;
    const struct module *module;
    const struct func *func;
    const struct functype *type;
    uint32_t funcidx;
    bool resume; /* which copy */
    bool dry;    /* the first walk */
    bool mute;   /* in code that a resume copy never reaches */
    struct error *error;
    bool refused; /* `error` says why */

    struct reader reader; /* at the next instruction */
    uint32_t offset;      /* of the instruction */
    bool unreachable;

    struct buffer *code;
    uint32_t depth;  /* open blocks of the copy */
    uint32_t unwind; /* depth inside the block whose end saves the frame */
    bool returns;    /* the function's instructions are in a block, behind whose end it returns */
    struct functype returned; /* no parameters, the function's results */

    struct buffer stack; /* struct value */
    uint32_t height;
    struct buffer blocks; /* struct block */
    struct buffer marks;  /* a byte for each operand ever made: it needs a temporary */
    uint32_t nvalues;

    valtype *local_types;
    uint32_t *numbers; /* by local, where not all are in the copy; else NULL */
    uint32_t nnumbers;
    struct buffer extra;     /* valtype of each local that the copy adds */
    struct buffer temps;     /* uint32_t[4] for each height: a local + 1 for each type */
    struct buffer transfers; /* the same for values on their way to a label */
    uint32_t scratch[4];     /* a local + 1 */
    uint32_t results[4];     /* the same: what a call has returned at which the copy is entered */

    struct sites sites;
    uint32_t next_site;
    uint64_t *ever_live; /* what lives at any site */
    bool *used;          /* by site: the frame can be unwound there */
    bool unwinds;
    struct buffer loops; /* a byte for each loop: LOOP_ and so on */
    uint32_t next_loop;
    bool strips; /* some loop counts its rounds in the local `rounds` */
    uint32_t rounds;

    struct constant *constants; /* by local */
    uint32_t nlabels;           /* at which ways meet, up to here */
    uint32_t constant;          /* of the last instruction, if it was an i32.const */
    bool after_constant;

    struct buffer sequences; /* struct sequence */
    struct buffer entries;   /* struct entry */
    struct buffer hoists;    /* struct hoist */
    uint32_t next_sequence, next_hoist, nlandings;
    /* Resume copies: locals with the site to go to. The switches of loops in loops of that number
     * have one of their own, which becomes NONE there. */
    uint32_t target, states, nstates;
    uint32_t record; /* local */
};

/* ---- body.c */

bool body_start(struct body *b, struct plan *plan, const struct analysis *analysis,
                uint32_t funcidx, struct error *error);
void body_free(struct body *b);
/* One walk over the function, from its first instruction behind its final `end`. */
void body_walk(struct body *b);
/* Puts the body together: declarations, then what has been written. */
bool body_finish(struct body *b, struct buffer *body);

void put_byte(struct body *b, uint8_t byte);
void put_u32(struct body *b, uint32_t value);
void put_s64(struct body *b, int64_t value);
void put_bytes(struct body *b, const uint8_t *bytes, size_t size);
/* The number in the copy of a local, the guest's or one of those that the copy adds. */
static inline uint32_t local_number(const struct body *b, uint32_t local)
{
    if (!b->numbers)
        return local;
    return local < b->func->nlocals ? b->numbers[local] : local - b->func->nlocals + b->nnumbers;
}
static inline bool names_local(uint32_t opcode)
{
    return opcode == WASM_LOCAL_GET || opcode == WASM_LOCAL_SET || opcode == WASM_LOCAL_TEE;
}
static inline void put_op(struct body *b, uint32_t opcode, uint32_t immediate)
{
    if (names_local(opcode))
        immediate = local_number(b, immediate);
    put_byte(b, (uint8_t)opcode);
    put_u32(b, immediate);
}
static inline void put_i32(struct body *b, uint32_t value)
{
    put_byte(b, WASM_I32_CONST);
    put_s64(b, (int32_t)value);
}
void put_zero(struct body *b, valtype type);
static inline void put_runtime(struct body *b, enum runtime_function function)
{
    put_op(b, WASM_CALL, b->plan->runtime[function]);
}
/* The loads and stores of a value in a slot at an address on the stack. */
void put_slot_load(struct body *b, valtype type, uint32_t offset);
void put_slot_store(struct body *b, valtype type, uint32_t offset);

/* A block of the copy around what follows, without parameters; `result` 0: none. */
void open_block(struct body *b, uint32_t opcode, valtype result);
void close_block(struct body *b);
/* A branch to where `depth` blocks were open inside the target. */
static inline void put_branch(struct body *b, uint32_t opcode, uint32_t depth)
{
    put_op(b, opcode, b->depth - depth);
}

uint32_t new_local(struct body *b, valtype type);
uint32_t scratch(struct body *b, valtype type);
/* The temporary of an operand at that height; the local for value `index` on its way to a label. */
uint32_t temporary(struct body *b, uint32_t height, valtype type);
/* The local of the result of a call. */
uint32_t called_result(struct body *b, valtype type);
uint32_t transfer(struct body *b, uint32_t index, valtype type);
/* Which temporaries there are, by type_class. */
uint32_t temporary_heights(const struct body *b);
bool has_temporary(const struct body *b, uint32_t height, uint32_t class);
/* From the stack into transfer locals, and back. */
void set_transfers(struct body *b, const valtype *types, uint32_t count);
void get_transfers(struct body *b, const valtype *types, uint32_t count);

/* The result of what has been written last; it goes into its temporary if it has one. */
void push_value(struct body *b, valtype type);
valtype pop_value(struct body *b);
void pop_values(struct body *b, uint32_t count);
static inline struct value *value_at(const struct body *b, uint32_t height)
{
    return (struct value *)(void *)b->stack.data + height;
}
/* Marks the operands of a site that need temporaries. */
void mark_operands(struct body *b, uint32_t site);
/* The site that the walk is at; it must be of that kind. */
uint32_t take_site(struct body *b, enum site_kind kind);
void refuse_body(struct body *b, const char *what);

static inline uint32_t block_count(const struct body *b)
{
    return (uint32_t)(b->blocks.size / sizeof(struct block));
}
static inline struct block *block_at(const struct body *b, uint32_t depth)
{
    return (struct block *)(void *)b->blocks.data + (block_count(b) - 1 - depth);
}

/* ---- emit_control.c */

void begin_function(struct body *b);
void control_block(struct body *b, const struct instruction *i);
void control_else(struct body *b);
void control_end(struct body *b);
void control_br(struct body *b, uint32_t depth);
void control_br_if(struct body *b, uint32_t depth);
void control_br_table(struct body *b, const struct instruction *i);
/* An instruction of two i32 that leaves one. */
void put_binary(struct body *b, uint32_t opcode);
/* Takes one from the fuel, which lies in a global, and leaves whether it is used up. */
void put_fuel(struct body *b);
/* Gives one back, which is about to be taken a second time. */
void give_fuel(struct body *b);
/* Whether a loop counts its rounds in a local: it calls nothing that could unwind. */
bool counts_rounds(const struct body *b, const struct block *loop);
/* Between the walks: whether the function has such loops. */
void end_first_walk(struct body *b);
/* In the first walk: a call of the function itself. */
void note_recursion(struct body *b);
/* In the first walk: notes that of the loops around. */
void mark_loops(struct body *b, uint8_t mark);
/* What the function's loops have used of the fuel is taken off before it returns. */
void settle_rounds(struct body *b);
/* What stands between the function's last instruction and its return, when b->returns. */
void put_epilogue(struct body *b);

/* ---- counted.c */

/* A local is written. */
void note_constant(struct body *b, uint32_t local, bool is_constant, uint32_t value);
/* Whether the loop whose first instruction comes next goes around only a few times. */
bool is_counted_loop(const struct body *b);

/* ---- retained.c */

/* The call of a loop's poll. */
void put_poll_call(struct body *b, const struct block *loop, enum runtime_function function);

/* ---- emit_call.c */

void call_direct(struct body *b, uint32_t funcidx);
void call_indirect(struct body *b, uint32_t typeidx, uint32_t table);
void tail_call_direct(struct body *b, uint32_t funcidx);
void tail_call_indirect(struct body *b, uint32_t typeidx, uint32_t table);

/* ---- emit_plain.c: what is neither control nor a call nor a local. */

void plain_instruction(struct body *b, const struct instruction *i);

/* ---- unwind.c */

/* After a call at the site: leaves when the stack is being unwound. */
void put_check(struct body *b, uint32_t site);
/* The same when what is on the stack is not zero. */
void put_leave(struct body *b, uint32_t site);
/* The same when either that call is being unwound or the host call of the site before was not done.
 */
void put_check_indirect(struct body *b, uint32_t site);
/* After a call by which an imported function may have been called at that site, when it was not
 * done. */
void put_check_host(struct body *b, uint32_t site);
void open_unwind(struct body *b);
void close_unwind(struct body *b);
/* The address that this function of the runtime gives for a frame at the site in that local. */
void put_frame(struct body *b, enum runtime_function push_frame, uint32_t site);

/* ---- saving.c */

/* Saves the frame at the site in that local. False: nothing has been written, there would be too
 * much. */
bool save_hot(struct body *b, uint32_t site);

/* ---- resume.c */

/* All of these do nothing in a hot copy. */

/* The sequence of the innermost block, the function's or a loop's, begins. */
void begin_sequence(struct body *b);
/* The copy can be entered here, at the site; behind its call, whose result is on the stack; before
 * that loop, whose parameters are. */
void land_at(struct body *b, enum entry_kind kind, uint32_t site);
void land_behind_call(struct body *b, uint32_t site, const struct functype *type);
void land_at_loop(struct body *b, struct block *loop);
void leave_loop(struct body *b, const struct block *loop);
/* A block or `if` begins, with what is known of it from the first walk. */
void find_hoist(struct body *b, struct block *block);
/* Only in the second walk: whether it is opened at the beginning of its sequence. Then these stand
 * for its beginning (an `if`'s condition is on the stack) and its end. */
bool is_hoisted(const struct body *b, const struct block *block);
void open_hoisted(struct body *b, struct block *block);
void close_hoisted(struct body *b, const struct block *block);
/* The operands below it leave the stack, and come back. */
void hide_operands(struct body *b, const struct block *block);
void show_operands(struct body *b, const struct block *block, valtype result);
/* Its `else`, in either walk. */
void hoisted_else(struct body *b, struct block *block, bool live);
/* Its end, in the first walk. */
void settle_hoist(struct body *b, const struct block *block, valtype result, bool branched);

#endif
