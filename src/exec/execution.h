/* execution.h - one run of a guest: its stack of frames and how far it has got.
 *
 * The guest's calls never use the C stack. A run goes on until it ends, traps, exits, or its fuel
 * is used up, which is a safepoint: then every value of the guest is where lower/site.h says, and
 * the run can be captured (execution_frames), dropped, rebuilt (execution_push_frame) or simply
 * continued. The embedder gives fuel in slices and looks at its clock and triggers in between.
 *
 * Fuel: one unit for each function of the guest entered and each branch back to a `loop`. */
#ifndef EXEC_EXECUTION_H
#define EXEC_EXECUTION_H

#include "exec/instance.h"
#include "lower/site.h"

enum run_status {
    RUN_DONE,        /* the called function returned; results by execution_result */
    RUN_TRAP,        /* execution.trap says why; the frames are still there for a backtrace */
    RUN_EXIT,        /* proc_exit; execution.exit_code */
    RUN_OUT_OF_FUEL, /* at a safepoint; call execution_run again to go on */
    RUN_STOPPED      /* at the site of a host call that returned CALL_STOP */
};

struct execution {
    struct instance *instance;
    uint64_t fuel_used; /* units since the guest began, over all its restores */
    enum trap trap;
    uint32_t exit_code;
    char host_message[160]; /* for TRAP_HOST */

    bool canonical; /* the embedder's: execution_frames gives dead locals as zero or null. The
                       sealed tier always does */

    /* The embedder's, both may be NULL. Only the sealed tier calls them: it can look at clocks and
     * triggers without stopping, and cannot return when a guest ends in the middle of its calls.
     * `refuel` is asked at a safepoint where the fuel is used up: fuel to go on with, or 0: stop.
     * `end` does not return. */
    uint32_t (*refuel)(void *context);
    void (*end)(void *context, enum run_status status);
    void *context;

    uint32_t moved; /* execution_moved: bytes, since it last shortened the run */

    /* The interpreter's own. */
    const uint8_t *pc;
    uint8_t *fp;
    uint8_t *stack;
    uint8_t *stack_end;
    int32_t fuel;
    enum site_kind stop;   /* at a safepoint: which kind of site */
    bool entering;         /* execution_call has not been charged for its function yet */
    unsigned depth;        /* nested runs: calls from one instance into another; these never stop */
    uint8_t bootstrap[32]; /* register code that calls an imported function from nowhere */
    struct site_maps *maps; /* while frames are pushed; the sealed tier: while there are some */

    /* The sealed tier's own (sealed/). */
    struct records *records;
    uint32_t called; /* the outermost function */
    bool unwinds;
};

#define DEFAULT_STACK_SIZE (4u << 20)

/* `stack_size` in bytes: what all frames of the guest together may take (a frame is 8 bytes for
 * each local and each operand that the function can have, and 8 or 16 more). */
bool execution_init(struct execution *execution, struct instance *instance, uint32_t stack_size,
                    struct error *error);
void execution_free(struct execution *execution);

/* Prepares a call of `funcidx` with the arguments that its type asks for. Frames that are there
 * are dropped. */
bool execution_call(struct execution *execution, uint32_t funcidx, const union value *arguments,
                    struct error *error);

/* Runs for at most `fuel` units (1 ..= INT32_MAX). */
enum run_status execution_run(struct execution *execution, uint32_t fuel);

/* In a host call or an instruction on memory: the run ends at the next safepoint, as if its fuel
 * were used up there. The fuel that is left does not count as used. */
void execution_shorten(struct execution *execution);

/* An instruction has moved so many bytes. One such instruction costs a unit of fuel at most, and can
 * take as long as millions of others: after some of them the run is shortened, so that whoever
 * gives fuel for a time sees in time how long it lasts now. */
void execution_moved(struct execution *execution, uint64_t bytes);

/* Result `index` of the call after RUN_DONE. */
union value execution_result(const struct execution *execution, uint32_t index);

/* A value with its type; references as function index (UINT32_MAX: null) or embedder's number. */
struct typed_value {
    valtype type;
    uint64_t bits; /* the low 32 for i32, f32 and references */
};

/* A value of a slot or global as a typed value; ERROR_UNSUPPORTED for a reference to a function of
 * another instance. And back: false when it is no value of its type in this instance. */
bool value_out(const struct instance *instance, valtype type, union value bits,
               struct typed_value *value, struct error *error);
bool value_in(const struct instance *instance, const struct typed_value *value, union value *bits);

/* A frame in the terms of the specification. */
struct frame {
    uint32_t funcidx;
    enum site_kind kind;
    uint32_t offset; /* byte offset of the site in the module */
    uint32_t nlocals;
    uint32_t noperands;
    const struct typed_value *values; /* locals, then operands from the bottom up */
};

/* Visits the frames of a run that is at a safepoint, outermost first. False from the visitor ends
 * it with false. `frame` is valid during the visit only. */
typedef bool (*frame_visitor)(void *context, const struct frame *frame);
bool execution_frames(const struct execution *execution, frame_visitor visit, void *context,
                      struct error *error);
uint32_t execution_depth(const struct execution *execution);

/* Rebuilds a run from frames, outermost first, on an execution without frames; then
 * execution_seal_frames, after which execution_run goes on from the innermost one. Everything is
 * checked (ERROR_SNAPSHOT): that the function is one of the guest's, that its site exists and is
 * of that kind, that each value has the type that validation gave it, that an operand which
 * lowering holds as a constant or as a local's value has just that value, that each frame's call
 * can have called the next one, that only the innermost is at an entry, loop or host call. */
bool execution_push_frame(struct execution *execution, const struct frame *frame,
                          struct error *error);
bool execution_seal_frames(struct execution *execution, struct error *error);

/* One line of a backtrace; works at a safepoint and after a trap. Innermost first. `offset` is the
 * bytecode offset of the call, trap or site. False: no more. */
typedef bool (*trace_visitor)(void *context, uint32_t depth, uint32_t funcidx, uint32_t offset);
void execution_backtrace(const struct execution *execution, trace_visitor visit, void *context);

#endif
