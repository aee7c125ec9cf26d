#include "cli/native/travels.h"

#include <string.h>

static const struct {
    const char *name;
    bool has_value;
} travelling[] = {
    {"--dir", true},           {"--tier", true},       {"--files", true},
    {"--every", true},         {"--keep", true},       {"--max-memory", true},
    {"--max-stack", true},     {"--max-fuel", true},   {"--timeout", true},
    {"--embed-module", false}, {"--compress", false},  {"--sync", false},
    {"--reproducible", false}, {"--canonical", false},
};

bool option_travels(const char *argument)
{
    size_t length = strcspn(argument, "=");
    for (size_t i = 0; i < sizeof travelling / sizeof *travelling; i++)
        if (strlen(travelling[i].name) == length &&
            memcmp(travelling[i].name, argument, length) == 0)
            return travelling[i].has_value == (argument[length] == '=');
    return false;
}
