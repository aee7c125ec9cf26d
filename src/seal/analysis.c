/* analysis.c - the call graph: who can reach a poll or take long, and where polls must stand.
 *
 *     nodes   the guest's functions, then its types: a call_indirect calls a type, and a type
 * "calls" every function of that type whose reference exists edges   a call; covered when it stands
 * in a loop that polls: whoever gets there has passed the loop's header
 *
 * A cycle of calls without a covered edge needs a poll at the entry of one of its functions. Each
 * has an edge that leads back in a walk over the graph: the function there gets the poll. So does
 * one that calls itself in each round of a loop: then the loop needs none (emit_control.c). */
#include <stdlib.h>
#include <string.h>

#include "lower/site.h"
#include "seal/analysis.h"
#include "wasm/walk.h"

struct edge {
    uint32_t from, to;
    bool covered;
};

struct node {
    bool can_unwind;
    bool takes_long; /* an import, an instruction that moves much memory, or a call of such */
    bool can_stop;   /* an import, or a type with such among its functions */
    bool polls_at_entry;
};

struct analysis {
    const struct module *guest;
    bool exact, no_polls;
    uint32_t nnodes;
    struct node *nodes;
    struct buffer edges; /* struct edge */
    /* The edges of a node: those at order[first[node] .. first[node + 1]]. */
    uint32_t *first, *order;
};

static uint32_t type_node(const struct analysis *a, uint32_t typeidx)
{
    return a->guest->nfuncs + a->guest->types[typeidx].canonical;
}

static const struct edge *edge_at(const struct analysis *a, uint32_t index)
{
    return (const struct edge *)(const void *)a->edges.data + index;
}

static void add_edge(struct analysis *a, uint32_t from, uint32_t to, bool covered)
{
    buffer_put(&a->edges, &(struct edge){from, to, covered}, sizeof(struct edge));
}

bool moves_much(enum opcode opcode)
{
    switch (opcode) {
    case WASM_MEMORY_GROW:
    case WASM_MEMORY_INIT:
    case WASM_MEMORY_COPY:
    case WASM_MEMORY_FILL:
    case WASM_DATA_DROP:
    case WASM_TABLE_INIT:
    case WASM_TABLE_COPY:
    case WASM_TABLE_GROW:
    case WASM_TABLE_SIZE:
    case WASM_TABLE_FILL:
    case WASM_ELEM_DROP: return true;
    case WASM_MEMORY_SIZE:
    case WASM_TABLE_GET:
    case WASM_TABLE_SET:
#define OPCODE(name, ...) case WASM_##name:
#define MEMORY(...)
#define TABLE(...)
#include "wasm/opcodes.def"
        return false;
    }
    return false;
}

/* Where in a function a walk is. */
struct scanning {
    uint32_t funcidx;
    uint32_t depth;
    uint32_t loop_depth; /* of the outermost loop, or UINT32_MAX */
    uint32_t whole;      /* depth in a loop whose rounds all get here, or UINT32_MAX */
};

static void scan_end(struct scanning *s)
{
    if (s->depth == s->whole)
        s->whole = UINT32_MAX;
    if (--s->depth == s->loop_depth)
        s->loop_depth = UINT32_MAX;
}

static void scan_call(struct analysis *a, const struct scanning *s, uint32_t callee)
{
    if (callee == s->funcidx && s->depth == s->whole && !a->no_polls)
        a->nodes[callee].polls_at_entry = true;
    add_edge(a, s->funcidx, callee, s->loop_depth != UINT32_MAX && !a->no_polls);
}

static void scan_instruction(struct analysis *a, struct scanning *s, const struct instruction *i)
{
    struct node *node = &a->nodes[s->funcidx];
    switch (i->opcode) {
    case WASM_LOOP:
        if (s->loop_depth == UINT32_MAX)
            s->loop_depth = s->depth;
        node->can_unwind |= !a->no_polls;
        s->whole = ++s->depth;
        break;
    case WASM_BR:
    case WASM_BR_IF:
        if (s->depth - i->index == s->whole) /* a round that ends here */
            s->whole = UINT32_MAX;
        break;
    case WASM_BR_TABLE: s->whole = UINT32_MAX; break;
    case WASM_BLOCK:
    case WASM_IF: s->depth++; break;
    case WASM_END: scan_end(s); break;
    case WASM_CALL:
    case WASM_RETURN_CALL: scan_call(a, s, i->index); break;
    case WASM_CALL_INDIRECT:
    case WASM_RETURN_CALL_INDIRECT: scan_call(a, s, type_node(a, i->index)); break;
    case WASM_UNREACHABLE:
    case WASM_NOP:
    case WASM_ELSE:
    case WASM_RETURN:
#define OPCODE(name, ...) case WASM_##name:
#define CONTROL(...)
#include "wasm/opcodes.def"
        node->takes_long |= moves_much(i->opcode);
        break;
    }
}

/* The code of a function: calls in it. */
static void scan(struct analysis *a, uint32_t funcidx)
{
    struct reader reader = walk_body(a->guest, &a->guest->funcs[funcidx]);
    struct scanning s = {.funcidx = funcidx, .loop_depth = UINT32_MAX, .whole = UINT32_MAX};
    struct instruction i;
    while (reader.at != reader.end && walk_next(&reader, &i))
        scan_instruction(a, &s, &i);
}

static void scan_all(struct analysis *a)
{
    const struct module *guest = a->guest;
    for (uint32_t i = 0; i < guest->nimported_funcs; i++)
        a->nodes[i].takes_long = true;
    for (uint32_t i = 0; i < guest->nimports; i++)
        if (guest->imports[i].kind == EXTERN_FUNC && import_can_stop(&guest->imports[i])) {
            struct node *node = &a->nodes[guest->imports[i].index];
            node->can_stop = node->can_unwind = true;
        }
    for (uint32_t i = guest->nimported_funcs; i < guest->nfuncs; i++) {
        scan(a, i);
        if (a->exact)
            a->nodes[i].can_unwind = a->nodes[i].polls_at_entry = true;
    }
    for (uint32_t i = 0; i < guest->nfuncs; i++)
        if (guest->funcs[i].referenced) {
            uint32_t type = type_node(a, guest->funcs[i].type);
            add_edge(a, type, i, false);
            a->nodes[type].can_stop |= a->nodes[i].can_stop;
        }
}

/* Sorts the edges by node: by where they come from, or by where they go to. */
static bool sort_edges(struct analysis *a, bool by_target)
{
    uint32_t count = (uint32_t)(a->edges.size / sizeof(struct edge));
    free(a->first);
    free(a->order);
    a->first = calloc((size_t)a->nnodes + 2, sizeof *a->first);
    a->order = malloc(((size_t)count + 1) * sizeof *a->order);
    if (!a->first || !a->order)
        return false;
    for (uint32_t i = 0; i < count; i++)
        a->first[(by_target ? edge_at(a, i)->to : edge_at(a, i)->from) + 2]++;
    for (uint32_t i = 2; i < a->nnodes + 2; i++)
        a->first[i] += a->first[i - 1];
    for (uint32_t i = 0; i < count; i++)
        a->order[a->first[(by_target ? edge_at(a, i)->to : edge_at(a, i)->from) + 1]++] = i;
    return true;
}

/* A walk in depth over the edges that are not covered. */
struct walk {
    uint32_t node, next;
};
enum { UNSEEN, OPEN, DONE };

static void follow(struct analysis *a, struct buffer *stack, uint8_t *state, uint32_t from,
                   const struct edge *edge)
{
    if (edge->covered || state[edge->to] == DONE)
        return;
    if (state[edge->to] == OPEN) { /* a type has no entry: then the caller */
        struct node *node = &a->nodes[edge->to < a->guest->nfuncs ? edge->to : from];
        node->polls_at_entry = node->can_unwind = true;
        return;
    }
    state[edge->to] = OPEN;
    buffer_put(stack, &(struct walk){edge->to, a->first[edge->to]}, sizeof(struct walk));
}

static bool place_entry_polls(struct analysis *a)
{
    struct buffer stack = {0};
    uint8_t *state = calloc((size_t)a->nnodes + 1, 1);
    if (!state || !sort_edges(a, false)) {
        free(state);
        return false;
    }
    for (uint32_t i = 0; i < a->nnodes; i++) {
        if (state[i] == UNSEEN)
            follow(a, &stack, state, i, &(struct edge){i, i, false});
        while (stack.size && !stack.failed) {
            struct walk *top = (struct walk *)(void *)(stack.data + stack.size - sizeof *top);
            if (top->next == a->first[top->node + 1]) {
                state[top->node] = DONE;
                stack.size -= sizeof *top;
            } else {
                follow(a, &stack, state, top->node, edge_at(a, a->order[top->next++]));
            }
        }
    }
    bool good = !stack.failed;
    buffer_free(&stack);
    free(state);
    return good;
}

/* Who calls what can unwind can unwind, and who calls what takes long takes long. */
static bool spread(struct analysis *a)
{
    struct buffer work = {0};
    if (!sort_edges(a, true))
        return false;
    for (uint32_t i = 0; i < a->nnodes; i++)
        if (a->nodes[i].can_unwind || a->nodes[i].takes_long)
            buffer_put(&work, &i, sizeof i);
    while (work.size && !work.failed) {
        uint32_t node;
        work.size -= sizeof node;
        memcpy(&node, work.data + work.size, sizeof node);
        for (uint32_t i = a->first[node]; i < a->first[node + 1]; i++) {
            uint32_t from = edge_at(a, a->order[i])->from;
            struct node *caller = &a->nodes[from];
            const struct node *callee = &a->nodes[node];
            if (caller->can_unwind >= callee->can_unwind &&
                caller->takes_long >= callee->takes_long)
                continue;
            caller->can_unwind |= callee->can_unwind;
            caller->takes_long |= callee->takes_long;
            buffer_put(&work, &from, sizeof from);
        }
    }
    bool good = !work.failed;
    buffer_free(&work);
    return good;
}

bool analysis_make(struct analysis **analysis, const struct module *guest,
                   const struct seal_options *options, struct error *error)
{
    if (guest->has_tail_calls && !options->tail_calls)
        return error_set(error, ERROR_UNSUPPORTED,
                         "the module cannot be sealed as it is: it has tail calls (yado seal "
                         "--features tail-calls, for hosts that have them; or the interpreter)");
    struct analysis *a = calloc(1, sizeof *a);
    if (!a)
        return error_set(error, ERROR_MEMORY, "no memory for the call graph");
    a->guest = guest;
    a->exact = options->exact_fuel;
    a->no_polls = options->no_polls;
    a->nnodes = guest->nfuncs + guest->ntypes;
    a->nodes = calloc((size_t)a->nnodes + 1, sizeof *a->nodes);
    bool good = a->nodes;
    if (good)
        scan_all(a);
    good =
        good && !a->edges.failed && (a->exact || a->no_polls || place_entry_polls(a)) && spread(a);
    if (!good) {
        analysis_free(a);
        return error_set(error, ERROR_MEMORY, "no memory for the call graph");
    }
    *analysis = a;
    return true;
}

void analysis_free(struct analysis *analysis)
{
    if (!analysis)
        return;
    buffer_free(&analysis->edges);
    free(analysis->nodes);
    free(analysis->first);
    free(analysis->order);
    free(analysis);
}

bool analysis_can_unwind(const struct analysis *analysis, uint32_t funcidx)
{
    return analysis->nodes[funcidx].can_unwind;
}

bool analysis_polls_at_entry(const struct analysis *analysis, uint32_t funcidx)
{
    return analysis->nodes[funcidx].polls_at_entry;
}

bool analysis_indirect_can_unwind(const struct analysis *analysis, uint32_t typeidx)
{
    return analysis->nodes[type_node(analysis, typeidx)].can_unwind;
}

bool analysis_takes_long(const struct analysis *analysis, uint32_t funcidx)
{
    return analysis->nodes[funcidx].takes_long;
}

bool analysis_indirect_takes_long(const struct analysis *analysis, uint32_t typeidx)
{
    return analysis->nodes[type_node(analysis, typeidx)].takes_long;
}

bool analysis_indirect_can_stop(const struct analysis *analysis, uint32_t typeidx)
{
    return analysis->nodes[type_node(analysis, typeidx)].can_stop;
}
