/* loop.c - the interpreter's loop: one switch over code.def.
 *
 * What is hot lives in C locals, so that the host's compiler keeps it in machine registers: pc, fp,
 * fuel, the memory's place and size. Nothing in the switch takes their address; whatever needs the
 * execution's state calls a function outside, with the locals written back first (SAVE), and reads
 * the memory's place again afterwards (RELOAD). One `switch` in one function, because a Wasm host
 * compiles that four times faster than tail calls (design.md, first table). */
#include "exec/function.h"
#include "exec/numeric.h"

#if defined(__clang__)
#define NO_MEMSET __attribute__((no_builtin("memset")))
#else
#define NO_MEMSET __attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

static const uint16_t exit_instruction[2] = {CODE_EXIT, 0};
const uint8_t *const exit_code = (const uint8_t *)exit_instruction;

typedef uint32_t type_i32;
typedef uint64_t type_i64;
typedef float type_f32;
typedef double type_f64;

#define ACCESSORS(name, type)                                                                      \
    static inline type get_##name(const uint8_t *at) {                                             \
        type value;                                                                                \
        memcpy(&value, at, sizeof value);                                                          \
        return value;                                                                              \
    }                                                                                              \
    static inline void put_##name(uint8_t *at, type value) {                                       \
        memcpy(at, &value, sizeof value);                                                          \
    }
ACCESSORS(i32, uint32_t)
ACCESSORS(i64, uint64_t)
ACCESSORS(f32, float)
ACCESSORS(f64, double)
ACCESSORS(ref, reference)
ACCESSORS(link, struct link)

/* The guest's memory is little-endian on every CPU. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ORDERED(bits, value) (value)
#else
#define ORDERED(bits, value) ORDERED_##bits(value)
#define ORDERED_8(value) (value)
#define ORDERED_16(value) __builtin_bswap16(value)
#define ORDERED_32(value) __builtin_bswap32(value)
#define ORDERED_64(value) __builtin_bswap64(value)
#endif
#define MEMORY_ACCESSORS(bits)                                                                     \
    static inline uint##bits##_t load_u##bits(const uint8_t *at) {                                 \
        uint##bits##_t value;                                                                      \
        memcpy(&value, at, sizeof value);                                                          \
        return (uint##bits##_t)ORDERED(bits, value);                                               \
    }                                                                                              \
    static inline void store_u##bits(uint8_t *at, uint##bits##_t value) {                          \
        value = (uint##bits##_t)ORDERED(bits, value);                                              \
        memcpy(at, &value, sizeof value);                                                          \
    }
MEMORY_ACCESSORS(8)
MEMORY_ACCESSORS(16)
MEMORY_ACCESSORS(32)
MEMORY_ACCESSORS(64)
typedef uint8_t type_u8;
typedef uint16_t type_u16;
typedef uint32_t type_u32;
typedef uint64_t type_u64;

static inline uint16_t half(const uint8_t *at) {
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline void *address(const uint8_t *at) {
    uintptr_t value;
    memcpy(&value, at, sizeof value);
    return (void *)value;
}

/* The fields of the instruction at pc. */
#define FIELD(at) half(pc + (at))
#define WORD(at) get_i32(pc + (at))
#define SLOT(at) (fp + FIELD(at))

#define NEXT(length)                                                                               \
    {                                                                                              \
        pc += (length);                                                                            \
        break;                                                                                     \
    }
#define JUMP(at)                                                                                   \
    {                                                                                              \
        pc += (int32_t)WORD(at);                                                                   \
        break;                                                                                     \
    }
#define TRAP(reason)                                                                               \
    {                                                                                              \
        execution->trap = (reason);                                                                \
        status = RUN_TRAP;                                                                         \
        goto leave;                                                                                \
    }
#define CHECK(reason)                                                                              \
    {                                                                                              \
        enum trap reason_ = (reason);                                                              \
        if (UNLIKELY(reason_ != TRAP_NONE))                                                        \
            TRAP(reason_)                                                                          \
    }
/* One unit of fuel; pc is where execution goes on. */
#define FUEL(kind)                                                                                 \
    if (UNLIKELY(--fuel == 0)) {                                                                   \
        execution->stop = (kind);                                                                  \
        status = RUN_OUT_OF_FUEL;                                                                  \
        goto leave;                                                                                \
    }
#define SAVE()                                                                                     \
    {                                                                                              \
        execution->pc = pc;                                                                        \
        execution->fp = fp;                                                                        \
    }
#define RELOAD()                                                                                   \
    if (instance->memory) {                                                                        \
        memory = instance->memory->base;                                                           \
        memory_size = instance->memory->size;                                                      \
    }
#define BOUNDS(effective, bytes)                                                                   \
    if (UNLIKELY((effective) + (bytes) > memory_size))                                             \
        TRAP(TRAP_MEMORY_BOUNDS)

/* Goes into a function of this instance whose frame is at `frame` and whose arguments are there. */
#define ENTER(callee, frame, caller)                                                               \
    {                                                                                              \
        uint8_t *frame_ = (frame);                                                                 \
        if (UNLIKELY((size_t)(execution->stack_end - frame_) < (callee)->frame_size))              \
            TRAP(TRAP_STACK_EXHAUSTED)                                                             \
        for (uint32_t zero = (callee)->zero_start; zero != (callee)->zero_end; zero += SLOT_SIZE)  \
            put_i64(frame_ + zero, 0);                                                             \
        put_link(frame_ + (callee)->link, (caller));                                               \
        fp = frame_;                                                                               \
        pc = (callee)->code;                                                                       \
        FUEL(SITE_ENTRY)                                                                           \
        break;                                                                                     \
    }

/* What a call out of the instance came to; `length` of the instruction. */
#define AFTER_FOREIGN(result)                                                                      \
    switch (result) {                                                                              \
    case CALL_OK:                                                                                  \
        RELOAD()                                                                                   \
        break;                                                                                     \
    case CALL_TRAP:                                                                                \
        status = RUN_TRAP;                                                                         \
        goto leave;                                                                                \
    case CALL_EXIT:                                                                                \
        status = RUN_EXIT;                                                                         \
        goto leave;                                                                                \
    default:                                                                                       \
        execution->stop = SITE_HOST_CALL;                                                          \
        status = RUN_STOPPED;                                                                      \
        goto leave;                                                                                \
    }

/* The table element that call_indirect names, with every reason to trap but the type. */
static inline enum trap table_element(const struct instance *instance, uint32_t table,
                                      uint32_t index, struct function **function) {
    const struct table *elements = instance->tables[table];
    if (UNLIKELY(index >= elements->size))
        return TRAP_UNDEFINED_ELEMENT;
    *function = (struct function *)elements->elements[index];
    return UNLIKELY(!*function) ? TRAP_UNINITIALIZED_ELEMENT : TRAP_NONE;
}

/* call_indirect of a function that is not this instance's own, or of another type. */
static __attribute__((noinline)) enum call_result
call_indirect_foreign(struct execution *execution, struct function *function,
                      const uint8_t *signature, union value *values) {
    const struct instance *instance = execution->instance;
    const struct functype *type = &instance->module->types[signature - instance->signatures];
    if (!functype_equal(type, function->type)) {
        execution->trap = TRAP_INDIRECT_TYPE;
        return CALL_TRAP;
    }
    return call_foreign(execution, function, values);
}

NO_MEMSET enum run_status interpret(struct execution *execution) {
    struct instance *instance = execution->instance;
    const uint8_t *pc = execution->pc;
    uint8_t *fp = execution->fp;
    int32_t fuel = execution->fuel;
    uint8_t *memory = NULL;
    uint64_t memory_size = 0;
    enum run_status status;
    RELOAD()

    for (;;) {
        switch (half(pc)) {

#define BINARY(name, in, out, value)                                                               \
    case CODE_##name##_RR: {                                                                       \
        type_##in a = get_##in(SLOT(4)), b = get_##in(SLOT(6));                                    \
        put_##out(SLOT(2), (value));                                                               \
        NEXT(8)                                                                                    \
    }                                                                                              \
    case CODE_##name##_RK: {                                                                       \
        type_##in a = get_##in(SLOT(4)), b = (type_##in)(int32_t)WORD(8);                          \
        put_##out(SLOT(2), (value));                                                               \
        NEXT(12)                                                                                   \
    }
#define BINARY_COMMUTES(name, in, out, value) BINARY(name, in, out, value)
#define BINARY_TRAPS(name, type, trap, value)                                                      \
    case CODE_##name##_RR: {                                                                       \
        type_##type a = get_##type(SLOT(4)), b = get_##type(SLOT(6));                              \
        CHECK(trap)                                                                                \
        put_##type(SLOT(2), (value));                                                              \
        NEXT(8)                                                                                    \
    }                                                                                              \
    case CODE_##name##_RK: {                                                                       \
        type_##type a = get_##type(SLOT(4)), b = (type_##type)(int32_t)WORD(8);                    \
        CHECK(trap)                                                                                \
        put_##type(SLOT(2), (value));                                                              \
        NEXT(12)                                                                                   \
    }
#define BINARY_FLOAT(name, type, value)                                                            \
    case CODE_##name##_RR: {                                                                       \
        type_##type a = get_##type(SLOT(4)), b = get_##type(SLOT(6));                              \
        put_##type(SLOT(2), (value));                                                              \
        NEXT(8)                                                                                    \
    }
#define UNARY(name, in, out, value)                                                                \
    case CODE_##name: {                                                                            \
        type_##in a = get_##in(SLOT(4));                                                           \
        put_##out(SLOT(2), (value));                                                               \
        NEXT(8)                                                                                    \
    }
#define UNARY_TRAPS(name, in, out, trap, value)                                                    \
    case CODE_##name: {                                                                            \
        type_##in a = get_##in(SLOT(4));                                                           \
        CHECK(trap)                                                                                \
        put_##out(SLOT(2), (value));                                                               \
        NEXT(8)                                                                                    \
    }
#define COMPARE(name, type, value, negated, swapped)                                               \
    case CODE_##name##_RR: {                                                                       \
        type_##type a = get_##type(SLOT(4)), b = get_##type(SLOT(6));                              \
        put_i32(SLOT(2), (value));                                                                 \
        NEXT(8)                                                                                    \
    }                                                                                              \
    case CODE_##name##_RK: {                                                                       \
        type_##type a = get_##type(SLOT(4)), b = (type_##type)(int32_t)WORD(8);                    \
        put_i32(SLOT(2), (value));                                                                 \
        NEXT(12)                                                                                   \
    }                                                                                              \
    case CODE_##name##_BR_RR: {                                                                    \
        type_##type a = get_##type(SLOT(2)), b = get_##type(SLOT(4));                              \
        if (value)                                                                                 \
            JUMP(8)                                                                                \
        NEXT(12)                                                                                   \
    }                                                                                              \
    case CODE_##name##_BR_RK: {                                                                    \
        type_##type a = get_##type(SLOT(2)), b = (type_##type)(int32_t)WORD(4);                    \
        if (value)                                                                                 \
            JUMP(8)                                                                                \
        NEXT(12)                                                                                   \
    }                                                                                              \
    case CODE_##name##_LOOP_RR: {                                                                  \
        type_##type a = get_##type(SLOT(2)), b = get_##type(SLOT(4));                              \
        if (!(value))                                                                              \
            NEXT(12)                                                                               \
        pc += (int32_t)WORD(8);                                                                    \
        FUEL(SITE_LOOP)                                                                            \
        break;                                                                                     \
    }                                                                                              \
    case CODE_##name##_LOOP_RK: {                                                                  \
        type_##type a = get_##type(SLOT(2)), b = (type_##type)(int32_t)WORD(4);                    \
        if (!(value))                                                                              \
            NEXT(12)                                                                               \
        pc += (int32_t)WORD(8);                                                                    \
        FUEL(SITE_LOOP)                                                                            \
        break;                                                                                     \
    }
#define COMPARE_FLOAT(name, type, value, negated)                                                  \
    case CODE_##name##_RR: {                                                                       \
        type_##type a = get_##type(SLOT(4)), b = get_##type(SLOT(6));                              \
        put_i32(SLOT(2), (value));                                                                 \
        NEXT(8)                                                                                    \
    }                                                                                              \
    case CODE_##name##_BR_RR: {                                                                    \
        type_##type a = get_##type(SLOT(2)), b = get_##type(SLOT(4));                              \
        if (value)                                                                                 \
            JUMP(8)                                                                                \
        NEXT(12)                                                                                   \
    }                                                                                              \
    case CODE_##name##_LOOP_RR: {                                                                  \
        type_##type a = get_##type(SLOT(2)), b = get_##type(SLOT(4));                              \
        if (!(value))                                                                              \
            NEXT(12)                                                                               \
        pc += (int32_t)WORD(8);                                                                    \
        FUEL(SITE_LOOP)                                                                            \
        break;                                                                                     \
    }
#define LOAD_AT(in, out, value, effective_address, length)                                         \
    {                                                                                              \
        uint64_t effective = (effective_address);                                                  \
        BOUNDS(effective, sizeof(type_##in))                                                       \
        type_##in a = load_##in(memory + effective);                                               \
        put_##out(SLOT(2), (value));                                                               \
        NEXT(length)                                                                               \
    }
#define LOAD(name, in, out, value)                                                                 \
    case CODE_##name:                                                                              \
        LOAD_AT(in, out, value, (uint64_t)get_i32(SLOT(4)) + FIELD(6), 8)                          \
    case CODE_##name##_FAR:                                                                        \
        LOAD_AT(in, out, value, (uint64_t)get_i32(SLOT(4)) + WORD(8), 12)                          \
    case CODE_##name##_ABS:                                                                        \
        LOAD_AT(in, out, value, (uint64_t)WORD(4), 8)
#define STORE_AT(in, out, slot, effective_address, length)                                         \
    {                                                                                              \
        uint64_t effective = (effective_address);                                                  \
        BOUNDS(effective, sizeof(type_##out))                                                      \
        store_##out(memory + effective, (type_##out)get_##in(slot));                               \
        NEXT(length)                                                                               \
    }
#define STORE(name, in, out)                                                                       \
    case CODE_##name:                                                                              \
        STORE_AT(in, out, SLOT(4), (uint64_t)get_i32(SLOT(2)) + FIELD(6), 8)                       \
    case CODE_##name##_FAR:                                                                        \
        STORE_AT(in, out, SLOT(4), (uint64_t)get_i32(SLOT(2)) + WORD(8), 12)                       \
    case CODE_##name##_ABS:                                                                        \
        STORE_AT(in, out, SLOT(2), (uint64_t)WORD(4), 8)
#include "lower/code.def"

        case CODE_COPY:
            put_i64(SLOT(2), get_i64(SLOT(4)));
            NEXT(8)
        case CODE_CONST32:
            put_i32(SLOT(2), WORD(4));
            NEXT(8)
        case CODE_CONST64:
            put_i64(SLOT(2), get_i64(pc + 4));
            NEXT(12)
        case CODE_SELECT: {
            uint64_t a = get_i64(SLOT(4)), b = get_i64(SLOT(6));
            put_i64(SLOT(2), get_i32(SLOT(8)) ? a : b);
            NEXT(12)
        }
        case CODE_GLOBAL_GET:
            put_i64(SLOT(2), get_i64(address(pc + 4)));
            NEXT(4 + sizeof(uintptr_t))
        case CODE_GLOBAL_SET:
            put_i64(address(pc + 4), get_i64(SLOT(2)));
            NEXT(4 + sizeof(uintptr_t))

        case CODE_UNREACHABLE:
            TRAP(TRAP_UNREACHABLE)
        case CODE_NOP:
            NEXT(4)
        case CODE_BR:
            JUMP(4)
        case CODE_BR_LOOP:
            pc += (int32_t)WORD(4);
            FUEL(SITE_LOOP)
            break;
        case CODE_BR_IF:
            if (get_i32(SLOT(2)))
                JUMP(4)
            NEXT(8)
        case CODE_BR_IF_LOOP:
            if (!get_i32(SLOT(2)))
                NEXT(8)
            pc += (int32_t)WORD(4);
            FUEL(SITE_LOOP)
            break;
        case CODE_BR_UNLESS:
            if (!get_i32(SLOT(2)))
                JUMP(4)
            NEXT(8)
        case CODE_BR_UNLESS_LOOP:
            if (get_i32(SLOT(2)))
                NEXT(8)
            pc += (int32_t)WORD(4);
            FUEL(SITE_LOOP)
            break;
        case CODE_BR_TABLE: {
            uint32_t index = get_i32(SLOT(2)), count = WORD(4);
            index = index < count ? index : count;
            pc += (int32_t)get_i32(pc + 8 + (size_t)index * 4);
            break;
        }

        case CODE_CALL: {
            const struct function *callee = address(pc + 4);
            struct link caller = {pc + 4 + sizeof(uintptr_t), FIELD(2)};
            ENTER(callee, SLOT(2), caller)
        }
        case CODE_CALL_INDIRECT: {
            struct function *callee;
            CHECK(table_element(instance, WORD(8), get_i32(SLOT(4)), &callee))
            struct link caller = {pc + 12 + sizeof(uintptr_t), FIELD(2)};
            if (callee->signature == address(pc + 12))
                ENTER(callee, SLOT(2), caller)
            SAVE()
            AFTER_FOREIGN(call_indirect_foreign(execution, callee, address(pc + 12),
                                                (union value *)(void *)SLOT(2)))
            NEXT(12 + sizeof(uintptr_t))
        }
        case CODE_CALL_IMPORT:
            SAVE()
            AFTER_FOREIGN(call_foreign(execution, address(pc + 4),
                                       (union value *)(void *)SLOT(2)))
            NEXT(4 + sizeof(uintptr_t))
        case CODE_RETURN_CALL: {
            const struct function *callee = address(pc + 8);
            struct link caller = get_link(SLOT(6));
            memmove(fp, SLOT(2), FIELD(4) * (size_t)SLOT_SIZE);
            ENTER(callee, fp, caller)
        }
        case CODE_RETURN_CALL_INDIRECT: {
            struct function *callee;
            CHECK(table_element(instance, WORD(12), get_i32(SLOT(4)), &callee))
            struct link caller = get_link(SLOT(8));
            if (callee->signature == address(pc + 16)) {
                memmove(fp, SLOT(2), FIELD(6) * (size_t)SLOT_SIZE);
                ENTER(callee, fp, caller)
            }
            SAVE()
            AFTER_FOREIGN(call_indirect_foreign(execution, callee, address(pc + 16),
                                                (union value *)(void *)SLOT(2)))
            memmove(fp, SLOT(2), callee->type->nresults * (size_t)SLOT_SIZE);
            fp -= caller.delta;
            pc = caller.pc;
            break;
        }
        case CODE_RETURN: {
            struct link caller = get_link(SLOT(2));
            fp -= caller.delta;
            pc = caller.pc;
            break;
        }
        case CODE_RETURN_ONE: {
            struct link caller = get_link(SLOT(2));
            put_i64(fp, get_i64(SLOT(4)));
            fp -= caller.delta;
            pc = caller.pc;
            break;
        }
        case CODE_RETURN_MANY: {
            struct link caller = get_link(SLOT(2));
            memmove(fp, SLOT(4), FIELD(6) * (size_t)SLOT_SIZE);
            fp -= caller.delta;
            pc = caller.pc;
            break;
        }
        case CODE_LOWER: {
            struct function *function = function_of_stub(pc);
            if (!function_lower(function))
                TRAP(TRAP_OUT_OF_MEMORY)
            pc = function->code;
            break;
        }
        case CODE_EXIT:
            status = RUN_DONE;
            goto leave;

        case CODE_MEMORY_SIZE:
            put_i32(SLOT(2), instance->memory->pages);
            NEXT(4)
        case CODE_MEMORY_GROW:
            put_i32(SLOT(2), memory_grow(instance->memory, get_i32(SLOT(4))));
            RELOAD()
            NEXT(8)
        case CODE_MEMORY_INIT:
            CHECK(memory_init(instance, WORD(4), (union value *)(void *)SLOT(2)))
            NEXT(8)
        case CODE_MEMORY_COPY:
            CHECK(memory_copy(instance, (union value *)(void *)SLOT(2)))
            NEXT(4)
        case CODE_MEMORY_FILL:
            CHECK(memory_fill(instance, (union value *)(void *)SLOT(2)))
            NEXT(4)
        case CODE_DATA_DROP:
            instance->dropped_datas[WORD(4)] = true;
            NEXT(8)

        case CODE_REF_NULL:
            put_i64(SLOT(2), 0);
            NEXT(4)
        case CODE_REF_IS_NULL:
            put_i32(SLOT(2), get_ref(SLOT(4)) == 0);
            NEXT(8)
        case CODE_REF_FUNC:
            put_ref(SLOT(2), (reference)address(pc + 4));
            NEXT(4 + sizeof(uintptr_t))
        case CODE_TABLE_GET: {
            const struct table *table = instance->tables[WORD(8)];
            uint32_t index = get_i32(SLOT(4));
            if (index >= table->size)
                TRAP(TRAP_TABLE_BOUNDS)
            put_ref(SLOT(2), table->elements[index]);
            NEXT(12)
        }
        case CODE_TABLE_SET: {
            struct table *table = instance->tables[WORD(8)];
            uint32_t index = get_i32(SLOT(2));
            if (index >= table->size)
                TRAP(TRAP_TABLE_BOUNDS)
            table->elements[index] = get_ref(SLOT(4));
            NEXT(12)
        }
        case CODE_TABLE_SIZE:
            put_i32(SLOT(2), instance->tables[WORD(4)]->size);
            NEXT(8)
        case CODE_TABLE_GROW:
            put_i32(SLOT(2), table_grow(instance->tables[WORD(4)], get_i32(SLOT(2) + SLOT_SIZE),
                                        get_ref(SLOT(2))));
            NEXT(8)
        case CODE_TABLE_FILL:
            CHECK(table_fill(instance, WORD(4), (union value *)(void *)SLOT(2)))
            NEXT(8)
        case CODE_TABLE_INIT:
            CHECK(table_init(instance, WORD(4), WORD(8), (union value *)(void *)SLOT(2)))
            NEXT(12)
        case CODE_TABLE_COPY:
            CHECK(table_copy(instance, WORD(4), WORD(8), (union value *)(void *)SLOT(2)))
            NEXT(12)
        case CODE_ELEM_DROP:
            instance->dropped_elems[WORD(4)] = true;
            NEXT(8)
        default:
            __builtin_unreachable();
        }
    }

leave:
    SAVE()
    execution->fuel = fuel;
    return status;
}
