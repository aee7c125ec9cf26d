#include "survey/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clean.h"
#include "survey/surveying.h"

static const char *const names[] = {
#define FEATURE(id, name) name,
#include "survey/features.def"
};

/* ---- the message: as much as fits of it */

#define PREFIX_ROOM (ERROR_MESSAGE_MAX / 8) /* for the file's name, which comes before it all */
#define NAME_LENGTH 200                     /* what is longer is no name */

struct text {
    char *at;
    size_t used, size;
    uint32_t kinds;
};

static void put(struct text *text, const char *string)
{
    int length = snprintf(text->at + text->used, text->size - text->used, "%s", string);
    text->used += (size_t)length;
    if (text->used >= text->size)
        text->used = text->size - 1;
}

static uint32_t shown(struct span name)
{
    return name.size < NAME_LENGTH ? name.size : NAME_LENGTH;
}

static void put_name(struct text *text, struct span name)
{
    char label[NAME_LENGTH + 1];
    memcpy(label, name.data, shown(name));
    label[clean(label, shown(name))] = 0;
    put(text, label);
    if (name.size > NAME_LENGTH)
        put(text, "...");
}

static void put_kind(void *context, const char *what)
{
    struct text *text = context;
    put(text, text->kinds++ ? ", and " : "this is ");
    put(text, what);
}

static void put_features(struct text *text, uint32_t features)
{
    const char *between = text->used ? "; not supported: " : "not supported: ";
    for (unsigned i = 0; i < FEATURE_COUNT; i++)
        if (features >> i & 1) {
            put(text, between);
            put(text, names[i]);
            between = ", ";
        }
}

/* With the words around it, and those that end a list that is cut. */
static bool has_room(const struct text *text, const struct missing *missing)
{
    return text->size - text->used > shown(missing->module) + shown(missing->name) + 120;
}

static void put_missing(struct text *text, const struct surveyed *surveyed)
{
    static const char *const kinds[] = {"", " (a table)", " (a memory)", " (a global)", " (a tag)"};
    const char *between =
        text->used ? "; imports that are not here: " : "imports that are not here: ";
    for (uint32_t i = 0; i < surveyed->nmissing; i++) {
        const struct missing *missing = &surveyed->missing[i];
        if (!has_room(text, missing)) {
            char more[40];
            snprintf(more, sizeof more, "%s%u more", i ? ", and " : between,
                     surveyed->nmissing - i);
            put(text, more);
            return;
        }
        put(text, between);
        put_name(text, missing->module);
        put(text, ".");
        put_name(text, missing->name);
        put(text, missing->wrong_type ? " (of another type than WASI's)" : kinds[missing->kind]);
        between = ", ";
    }
}

static bool refuse(const struct surveyed *surveyed, struct error *error)
{
    struct text text = {.at = error->message, .size = sizeof error->message - PREFIX_ROOM};
    *error = (struct error){.kind = surveyed->features ? ERROR_UNSUPPORTED : ERROR_LINK,
                            .offset = ERROR_NO_OFFSET};
    survey_kinds(surveyed, put_kind, &text);
    put_features(&text, surveyed->features);
    put_missing(&text, surveyed);
    return false;
}

/* ---- the survey */

static bool survey_module(const uint8_t *bytes, size_t size, struct error *error)
{
    struct surveyed surveyed = {0};
    struct reader reader = {bytes, bytes + 8, bytes + size, NULL};
    surveyed.valtypes = malloc(size);
    surveyed.failed = !surveyed.valtypes;
    if (surveyed.valtypes)
        survey_sections(&surveyed, &reader);
    bool good = surveyed.failed ? error_set(error, ERROR_MEMORY, "no memory to look at the module")
                : surveyed.features || surveyed.nmissing ? refuse(&surveyed, error)
                                                         : true;
    free(surveyed.missing);
    free(surveyed.types);
    free(surveyed.valtypes);
    return good;
}

bool survey(const uint8_t *bytes, size_t size, struct error *error)
{
    const char *container = container_name(bytes, size);
    if (container)
        return error_set(error, ERROR_MALFORMED, "no module, but %s", container);
    return survey_module(bytes, size, error);
}

bool survey_explain(const uint8_t *bytes, size_t size, struct error *error)
{
    struct error better = *error;
    if (!survey(bytes, size, &better))
        *error = better;
    return false;
}
