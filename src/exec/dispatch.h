/* dispatch.h - one of the places from which the loop in loop.c goes to the instruction at pc. The
 * number given to asm keeps a compiler from making one of all of them. */
{
    uint32_t code = half(pc);
    __asm__ volatile("" : "+r"(code) : "i"(__COUNTER__));
    switch (code) {
#define FORM(name, length, kind) \
    case CODE_##name: goto code_##name;
#include "lower/forms.def"
#define FUSED(name, length, parts, links) \
    case CODE_##name: goto code_##name;
#include "lower/fused.def"
    default: __builtin_unreachable();
    }
}
