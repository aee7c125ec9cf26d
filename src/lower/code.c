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

bool import_can_stop(const struct import *import)
{
    static const char *const waiting[] = {"fd_read",    "fd_write",    "path_open", "poll_oneoff",
                                          "random_get", "sock_accept", "sock_recv", "sock_send"};
    if (!span_is(import->module, "wasi_snapshot_preview1") &&
        !span_is(import->module, "wasi_unstable"))
        return true;
    for (size_t i = 0; i < sizeof waiting / sizeof *waiting; i++)
        if (span_is(import->name, waiting[i]))
            return true;
    return false;
}

bool frame_layout(const struct module *module, uint32_t funcidx, struct frame_layout *layout,
                  struct error *error)
{
    const struct func *func = &module->funcs[funcidx];
    uint64_t slots = (uint64_t)func->nlocals + LINK_SLOTS + func->max_operands;
    if (slots > FRAME_SLOTS_MAX)
        return error_set(error, ERROR_UNSUPPORTED,
                         "function %u needs %llu slots for its locals and operands; at most %u "
                         "are supported",
                         funcidx, (unsigned long long)slots, FRAME_SLOTS_MAX);
    layout->nlocals = func->nlocals;
    layout->nparams = module_functype(module, funcidx)->nparams;
    layout->link = func->nlocals * SLOT_SIZE;
    layout->operands = layout->link + LINK_SLOTS * SLOT_SIZE;
    layout->size = (uint32_t)slots * SLOT_SIZE;
    return true;
}
