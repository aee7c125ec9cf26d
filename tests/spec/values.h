/* values.h - values and patterns as they stand in a script, see convert.py. */
#ifndef SPEC_VALUES_H
#define SPEC_VALUES_H

#include "exec/instance.h"

/* Reads TYPE:BITS or TYPE:null. False when `word` is none. */
bool value_parse(const char *word, valtype *type, union value *value);

/* Whether `value` is one that the pattern allows. */
bool value_matches(const char *pattern, valtype type, union value value);

/* Writes a value in the form of value_parse, for messages. */
void value_print(valtype type, union value value, char *text, size_t size);

#endif
