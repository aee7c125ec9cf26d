/* technique.h - asks whether something of techniques.def is to be done; internal to lower/. */
#ifndef LOWER_TECHNIQUE_H
#define LOWER_TECHNIQUE_H

#include <stdbool.h>
#include <stdint.h>

#include "lower/code.h"

enum technique {
#define TECHNIQUE(name, what) TECHNIQUE_##name,
#define LINK(name, what)      LINK_##name,
#include "lower/techniques.def"
    TECHNIQUE_COUNT
};

#ifdef YADO_WITHOUT
/* Whether it is not left out. */
bool uses(enum technique technique);
/* Whether a part `to` of a fused instruction may take the result of `from` in its field. */
bool uses_link(enum code from, enum code to, uint32_t field);
#else
static inline bool uses(enum technique technique)
{
    (void)technique;
    return true;
}
static inline bool uses_link(enum code from, enum code to, uint32_t field)
{
    (void)from, (void)to, (void)field;
    return true;
}
#endif

#endif
