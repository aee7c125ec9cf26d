/* loop.c - the interpreter's loop: one switch over the instructions of code.def and fused.def.
 *
 * What is hot lives in C locals, so that the host's compiler keeps it in machine registers: pc, fp,
 * fuel, the memory's place and size. The function calls nothing: one call anywhere in it, and a
 * host's register allocator keeps all of them in memory. What only some instructions need lies at a
 * fixed place (`here`), or the host loads it again before each instruction (docs/performance.md).
 * Whatever needs a call ends the loop with LOOP_SLOW and is done in slow.c. One `switch` in one
 * function, because a Wasm host compiles that to faster code than tail calls (docs/design.md). */
#include "exec/operations.h"

/* Loops over slots stay loops. */
#if defined(__clang__)
#    define NO_CALLS __attribute__((no_builtin("memset", "memcpy", "memmove")))
#else
#    define NO_CALLS __attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif

/* Whether an instruction is a test, and of which kind. */
enum kind { KIND_PLAIN, KIND_BRANCH, KIND_LOOP, KIND_OTHER, KIND_SLOW };
enum {
#define FORM(name, length, kind) KIND_OF_##name = KIND_##kind,
#include "lower/forms.def"
};

/* The run that the loop works on; the loop never runs inside itself. */
static _Thread_local struct {
    struct execution *execution;
    struct table *const *tables;
    uint8_t *stack_end;
    enum loop_end end;
} here;

/* For the build that counts instructions (bench/counts). */
#ifndef BEFORE_INSTRUCTION
#    define BEFORE_INSTRUCTION(pc)
#endif

static const uint16_t exit_instruction[2] = {CODE_EXIT, 0};
const uint8_t *const exit_code = (const uint8_t *)exit_instruction;

/* The fields of the instruction at pc. */
#define FIELD(at) half(pc + (at))
#define WORD(at)  get_i32(pc + (at))
#define SLOT(at)  (fp + FIELD(at))

#define NEXT(length)    \
    {                   \
        pc += (length); \
        break;          \
    }
#define JUMP(at)                 \
    {                            \
        pc += (int32_t)WORD(at); \
        break;                   \
    }
#define TRAP(reason)                \
    {                               \
        here.execution->trap = (reason); \
        here.end = LOOP_TRAP;            \
        goto leave;                 \
    }
#define CHECK(reason)                       \
    {                                       \
        enum trap reason_ = (reason);       \
        if (UNLIKELY(reason_ != TRAP_NONE)) \
            TRAP(reason_)                   \
    }
/* One unit of fuel; pc is where execution goes on. */
#define FUEL(kind)                \
    if (UNLIKELY(--fuel == 0)) {  \
        here.execution->stop = (kind); \
        here.end = LOOP_OUT_OF_FUEL;   \
        goto leave;               \
    }
/* One part of an instruction, at pc: with the value that the part before has left in `out`, which
 * stands for the register in the field `at`. */
#define PART(name, at, keep)                                                         \
    {                                                                                \
        struct step step_ = {pc, fp, memory, memory_size, (at), out, (keep)};        \
        enum trap trap_ = do_##name(step_, &out);                                    \
        if (UNLIKELY(trap_ != TRAP_NONE))                                            \
            TRAP(trap_)                                                              \
    }
/* After a part: a branch that is taken goes on elsewhere; else pc moves on. */
#define GO_OVER(name)                                      \
    if (KIND_OF_##name != KIND_PLAIN && out.i32) {         \
        pc += (int32_t)WORD(LENGTH_##name - 4);            \
        if (KIND_OF_##name == KIND_LOOP)                   \
            FUEL(SITE_LOOP)                                \
        break;                                             \
    }                                                      \
    pc += LENGTH_##name;
#define GO_ON(name)    \
    {                  \
        GO_OVER(name)  \
        break;         \
    }
#define BEGIN(name)           \
    case CODE_##name: {       \
        union value out = {.i64 = 0};
#define CASE_PLAIN(name)      \
    BEGIN(name)               \
        PART(name, 0, true)   \
        GO_ON(name)           \
    }
#define CASE_BRANCH(name) CASE_PLAIN(name)
#define CASE_LOOP(name)   CASE_PLAIN(name)
/* One that BEFORE may go to. */
#define JOINABLE(name)  \
    case CODE_##name:   \
    code_##name: __attribute__((unused));
#define CASE_OTHER(name)
#define CASE_SLOW(name) case CODE_##name: goto leave;

/* Goes into a function of this instance whose frame is at `frame` and whose arguments are there. */
#define ENTER(callee, frame, caller)                                                              \
    {                                                                                             \
        uint8_t *frame_ = (frame);                                                                \
        if (UNLIKELY((size_t)(here.stack_end - frame_) < (callee)->frame_size))             \
            TRAP(TRAP_STACK_EXHAUSTED)                                                            \
        for (uint32_t zero = (callee)->zero_start; zero != (callee)->zero_end; zero += SLOT_SIZE) \
            put_i64(frame_ + zero, 0);                                                            \
        put_link(frame_ + (callee)->link, (caller));                                              \
        fp = frame_;                                                                              \
        pc = (callee)->code;                                                                      \
        FUEL(SITE_ENTRY)                                                                          \
        break;                                                                                    \
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
static inline void move_slots(uint8_t *to, const uint8_t *from, uint32_t count)
{
    for (uint32_t i = 0; i < count * SLOT_SIZE; i += SLOT_SIZE)
        put_i64(to + i, get_i64(from + i));
}

NO_CALLS enum loop_end interpret(struct execution *execution)
{
    const struct instance *instance = execution->instance;
    const uint8_t *pc = execution->pc;
    uint8_t *fp = execution->fp;
    int32_t fuel = execution->fuel;
    uint8_t *memory = NULL;
    uint64_t memory_size = 0;
    here.execution = execution;
    here.tables = instance->tables;
    here.stack_end = execution->stack_end;
    here.end = LOOP_SLOW;
    if (instance->memory) {
        memory = instance->memory->base;
        memory_size = instance->memory->size;
    }

    for (;;) {
        BEFORE_INSTRUCTION(pc)
        switch (half(pc)) {
#define FORM(name, length, kind) CASE_##kind(name)
#include "lower/forms.def"

#define FUSE2(first, link, second)                   \
    BEGIN(first##_##link##_##second)                 \
        PART(first, 0, LINK_KEEPS_##link)            \
        GO_OVER(first)                               \
        PART(second, LINK_FIELD_##link, true)        \
        GO_ON(second)                                \
    }
#define FUSE3(first, link, second, link2, third)     \
    BEGIN(first##_##link##_##second##_##link2##_##third) \
        PART(first, 0, LINK_KEEPS_##link)            \
        GO_OVER(first)                               \
        PART(second, LINK_FIELD_##link, LINK_KEEPS_##link2) \
        GO_OVER(second)                              \
        PART(third, LINK_FIELD_##link2, true)        \
        GO_ON(third)                                 \
    }
#define BEFORE(first, second)                        \
    BEGIN(first##_BEFORE_##second)                   \
        PART(first, 0, true)                         \
        GO_OVER(first)                               \
        goto code_##second;                          \
    }
#include "lower/fused.def"

        case CODE_UNREACHABLE: TRAP(TRAP_UNREACHABLE)
        case CODE_NOP: NEXT(4)
        JOINABLE(BR)
JUMP(4)
        JOINABLE(BR_LOOP)
            pc += (int32_t)WORD(4);
            FUEL(SITE_LOOP)
            break;
        JOINABLE(BR_TABLE)
{
            uint32_t index = get_i32(SLOT(2)), count = WORD(4);
            index = index < count ? index : count;
            pc += (int32_t)get_i32(pc + 8 + (size_t)index * 4);
            break;
        }

        JOINABLE(CALL)
{
            const struct function *callee = address(pc + 4);
            struct link caller = {pc + 4 + sizeof(uintptr_t), FIELD(2)};
            ENTER(callee, SLOT(2), caller)
        }
        JOINABLE(CALL_INDIRECT)
{
            const struct function *callee =
                own_callee(WORD(8), get_i32(SLOT(4)), address(pc + 12));
            if (UNLIKELY(!callee))
                goto leave;
            struct link caller = {pc + 12 + sizeof(uintptr_t), FIELD(2)};
            ENTER(callee, SLOT(2), caller)
        }
        case CODE_RETURN_CALL: {
            const struct function *callee = address(pc + 8);
            struct link caller = get_link(SLOT(6));
            move_slots(fp, SLOT(2), FIELD(4));
            ENTER(callee, fp, caller)
        }
        case CODE_RETURN_CALL_INDIRECT: {
            const struct function *callee =
                own_callee(WORD(12), get_i32(SLOT(4)), address(pc + 16));
            if (UNLIKELY(!callee))
                goto leave;
            struct link caller = get_link(SLOT(8));
            move_slots(fp, SLOT(2), FIELD(6));
            ENTER(callee, fp, caller)
        }
        JOINABLE(RETURN)
{
            struct link caller = get_link(SLOT(2));
            fp -= caller.delta;
            pc = caller.pc;
            break;
        }
        JOINABLE(RETURN_ONE)
{
            struct link caller = get_link(SLOT(2));
            put_i64(fp, get_i64(SLOT(4)));
            fp -= caller.delta;
            pc = caller.pc;
            break;
        }
        case CODE_RETURN_MANY: {
            struct link caller = get_link(SLOT(2));
            move_slots(fp, SLOT(4), FIELD(6));
            fp -= caller.delta;
            pc = caller.pc;
            break;
        }
        case CODE_EXIT: here.end = LOOP_DONE; goto leave;

        case CODE_MEMORY_SIZE: put_i32(SLOT(2), (uint32_t)(memory_size >> 16)); NEXT(4)
        default: __builtin_unreachable();
        }
    }

leave:
    execution->pc = pc;
    execution->fp = fp;
    execution->fuel = fuel;
    return here.end;
}
