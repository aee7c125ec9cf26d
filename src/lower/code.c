/* code.c - what is known of each instruction of the register code, from code.def. */
#include "lower/code.h"

static const uint8_t lengths[CODE_COUNT] = {
#define FORM(name, length, kind) [CODE_##name] = (length),
#include "lower/forms.def"
};

static const bool has_result[CODE_COUNT] = {
#define HAS_RESULT_PLAIN         true
#define HAS_RESULT_EFFECT        false
#define HAS_RESULT_BRANCH        false
#define HAS_RESULT_LOOP          false
#define HAS_RESULT_OTHER         false
#define HAS_RESULT_SLOW          false
#define FORM(name, length, kind) [CODE_##name] = HAS_RESULT_##kind,
#include "lower/forms.def"
};

uint32_t code_length(enum code code)
{
    return lengths[code];
}

bool code_has_result(enum code code)
{
    return has_result[code];
}

const char *site_kind_name(enum site_kind kind)
{
    static const char *const names[] = {"entry", "loop", "call", "host call"};
    return names[kind];
}

/* Of a wide frame. */
#define NEAR_LOCALS 8000u

/* A function has at most 50,000 locals and 1,000,000 operands (wasm/validator.h). */
struct frame_layout frame_layout(const struct module *module, uint32_t funcidx)
{
    const struct func *func = &module->funcs[funcidx];
    uint32_t locals = func->nlocals, near = locals < NEAR_LOCALS ? locals : NEAR_LOCALS;
    struct frame_layout layout = {
        .nlocals = locals,
        .nparams = module_functype(module, funcidx)->nparams,
        .wide = locals + LINK_SLOTS + func->max_operands > REGISTERS,
        .scratch = near * SLOT_SIZE,
    };
    layout.link = (locals + (layout.wide ? SCRATCH_SLOTS : 0)) * SLOT_SIZE;
    layout.operands = layout.link + LINK_SLOTS * SLOT_SIZE;
    layout.size = layout.operands + func->max_operands * SLOT_SIZE;
    return layout;
}

uint32_t frame_local(const struct frame_layout *layout, uint32_t local)
{
    bool behind = layout->wide && local >= NEAR_LOCALS;
    return (local + (behind ? SCRATCH_SLOTS : 0)) * SLOT_SIZE;
}
