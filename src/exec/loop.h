/* loop.h - what both forms of the interpreter's loop share; internal to exec/.
 *
 * instructions.h has what each instruction does, in terms of these macros; the two forms differ in
 * what stands around it:
 *
 *     loop.c   one `switch` in one function
 *     tail.c   one function for each instruction, which ends by calling the next one's
 *
 * In both, what is hot lies in C variables, so that the host's compiler keeps it in machine
 * registers: pc, fp, fuel, the memory's place and size. Nothing here calls a function: one call
 * anywhere, and a host's register allocator keeps all of them in memory. What only some
 * instructions need lies at a fixed place (`here`), or a host loads it again before each
 * instruction (docs/performance.md). Whatever needs a call ends the loop with LOOP_SLOW and is done
 * in slow.c. */
#ifndef EXEC_LOOP_H
#define EXEC_LOOP_H

#include "exec/operations.h"

/* Loops over slots stay loops. */
#if defined(__clang__)
#    define NO_CALLS __attribute__((no_builtin("memset", "memcpy", "memmove")))
#else
#    define NO_CALLS __attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif

/* Whether an instruction is a test, and of which kind. */
enum kind { KIND_PLAIN, KIND_EFFECT, KIND_BRANCH, KIND_LOOP, KIND_OTHER, KIND_SLOW };
enum {
#define FORM(name, length, kind) KIND_OF_##name = KIND_##kind,
#include "lower/forms.def"
};

#define IS_KIND(name, kind) ((int)KIND_OF_##name == (int)KIND_##kind)

/* The run that the loop works on; the loop never runs inside itself. */
static _Thread_local struct {
    struct execution *execution;
    struct table *const *tables;
    uint8_t *stack_end;
    int32_t fuel;
    enum loop_end end;
} here;

/* The fields of the instruction at pc. */
#define FIELD(at) half(pc + (at))
#define WORD(at)  get_i32(pc + (at))
#define SLOT(at)  (fp + FIELD(at))

/* Ends of an instruction; each form of the loop has its own NEXT, which goes to the instruction at
 * pc, BACK, which does so after a branch back to a loop, for a unit of fuel, JOIN, which goes to a
 * given instruction's code, and LEAVE, which goes out of the loop by one of the ways below: one
 * piece of code for all instructions, or theirs grow beyond a CPU's cache.
 */
#define MOVE_ON(length) \
    {                   \
        pc += (length); \
        NEXT            \
    }
#define JUMP(at)                 \
    {                            \
        pc += (int32_t)WORD(at); \
        NEXT                     \
    }
/* Keeps a compiler from making one store of several with different constants: it would hold all of
 * the constants in registers, and set them at each dispatch. */
#define APART __asm__ volatile("" ::: "memory");
/* WAY(name, what is to be done there) */
#define WAYS_OUT(WAY)                                                                   \
    WAY(slow, here.end = LOOP_SLOW)                                                     \
    WAY(done, here.end = LOOP_DONE)                                                     \
    WAY(trap, here.end = LOOP_TRAP)                                                     \
    WAY(out_of_bounds, here.execution->trap = TRAP_MEMORY_BOUNDS; here.end = LOOP_TRAP) \
    WAY(out_of_fuel, here.end = LOOP_OUT_OF_FUEL; here.execution->stop = SITE_LOOP)     \
    WAY(out_of_fuel_at_entry, here.end = LOOP_OUT_OF_FUEL; here.execution->stop = SITE_ENTRY)
#define TRAP(reason)                     \
    {                                    \
        here.execution->trap = (reason); \
        APART                            \
        LEAVE(trap)                      \
    }
/* One unit of fuel; pc is where execution goes on. */
#ifndef WITHOUT_POLLING /* defined only to measure what it costs: such a build cannot be stopped \
                         */
#    define FUEL(way)                     \
        if (UNLIKELY(--FUEL_LEFT == 0)) { \
            LEAVE(way)                    \
        }
#else
#    define FUEL(way)  \
        if (0) {       \
            LEAVE(way) \
        }
#endif
/* One part of an instruction, at pc: leaves its result in a new variable. `inputs` are FROM(field,
 * the variable of an earlier part). A branch that is taken goes on elsewhere; else pc moves on. */
#define FROM(field, part) .given##field = &part,
#define PART(result, name, how, inputs)                  \
    union value result = {.i64 = 0};                     \
    {                                                    \
        struct step step_ = {.pc = pc,                   \
                             .fp = fp,                   \
                             .memory = memory,           \
                             .memory_size = memory_size, \
                             .passes = PASSES_##how,     \
                             inputs};                    \
        enum trap trap_ = do_##name(step_, &result);     \
        if (UNLIKELY(trap_ == TRAP_MEMORY_BOUNDS))       \
            LEAVE(out_of_bounds)                         \
        if (UNLIKELY(trap_ != TRAP_NONE))                \
            TRAP(trap_)                                  \
    }                                                    \
    if (IS_KIND(name, BRANCH) || IS_KIND(name, LOOP)) {  \
        if (result.i32) {                                \
            pc += (int32_t)WORD(LENGTH_##name - 4);      \
            if (IS_KIND(name, LOOP)) {                   \
                BACK                                     \
            }                                            \
            NEXT                                         \
        }                                                \
    }                                                    \
    pc += LENGTH_##name;

/* Keeps a compiler from counting a second variable beside the pointer of a short loop. */
#define ONE_COUNTER(pointer) __asm__("" : "+r"(pointer));

/* Goes to `code` of a function of this instance whose frame is at `frame` and whose arguments are
 * there. */
#define ENTER(code, frame, caller)                                                    \
    {                                                                                 \
        const uint8_t *code_ = (code);                                                \
        uint8_t *frame_ = (frame);                                                    \
        if (UNLIKELY((size_t)(here.stack_end - frame_) < head_of(code_)->frame_size)) \
            TRAP(TRAP_STACK_EXHAUSTED)                                                \
        uint8_t *link_ = frame_ + head_of(code_)->link;                               \
        for (uint8_t *local_ = frame_ + head_of(code_)->declared; local_ != link_;    \
             local_ += SLOT_SIZE) {                                                   \
            ONE_COUNTER(local_)                                                       \
            put_i64(local_, 0);                                                       \
        }                                                                             \
        put_link(link_, (caller));                                                    \
        fp = frame_;                                                                  \
        pc = code_;                                                                   \
        FUEL(out_of_fuel_at_entry)                                                    \
        NEXT                                                                          \
    }

/* The function that a call_indirect means, when it is one of this instance's and of the type that
 * the instruction names; else NULL. */
static inline const struct function *own_callee(uint32_t table, uint32_t index,
                                                const void *signature)
{
    const struct table *elements = here.tables[table];
    if (UNLIKELY(index >= elements->size))
        return NULL;
    const struct function *callee = (const struct function *)elements->elements[index];
    return callee && callee->signature == signature ? callee : NULL;
}

/* Slots, lowest first: `to` may lie below `from`. */
NO_CALLS static inline void move_slots(uint8_t *to, const uint8_t *from, uint32_t count)
{
    for (uint32_t i = 0; i < count * SLOT_SIZE; i += SLOT_SIZE)
        put_i64(to + i, get_i64(from + i));
}

/* Bytes that are copied or filled without leaving the loop. */
#define SHORT_COPY 256

/* Where the two overlap, `to` is below `from`. */
NO_CALLS static inline void copy_upwards(uint8_t *to, const uint8_t *from, uint32_t count)
{
    for (; count >= 8; count -= 8, to += 8, from += 8)
        put_i64(to, get_i64(from));
    for (; count > 0; count--)
        *to++ = *from++;
}

NO_CALLS static inline void fill_bytes(uint8_t *to, uint8_t byte, uint32_t count)
{
    for (; count >= 8; count -= 8, to += 8)
        put_i64(to, byte * 0x0101010101010101u);
    for (; count > 0; count--)
        *to++ = byte;
}

#define RETURN_TO(caller)     \
    {                         \
        fp -= (caller).delta; \
        pc = (caller).pc;     \
        NEXT                  \
    }

#define RETURN_VALUE(value)                      \
    {                                            \
        struct link caller_ = get_link(SLOT(2)); \
        put_i64(fp, (value));                    \
        RETURN_TO(caller_)                       \
    }

/* Where the loop counts a memory's addresses from (MEMORY_BIAS). Opaque, or a compiler subtracts at
 * each access. */
static inline uint8_t *biased(const struct memory *own)
{
    uintptr_t at = own ? (uintptr_t)own->base - MEMORY_BIAS : 0;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): no pointer may point before what it points into
    uint8_t *memory = (uint8_t *)at;
    __asm__("" : "+r"(memory));
    return memory;
}

/* Before the loop. */
static inline void begin_loop(struct execution *execution)
{
    here.execution = execution;
    here.tables = execution->instance->tables;
    here.stack_end = execution->stack_end;
}

#endif
