/* carried.c - the files section: the reader. The layout is drawn in carry.h. */
#include <stdlib.h>

#include "wasi/carry.h"

enum { LEAST_STATE = 21, LEAST_CARRIED = 10 };

static const struct saved_descriptor *find_open(const struct image *image, uint32_t number,
                                                enum descriptor_kind kind)
{
    for (uint32_t i = 0; i < image->ndescriptors; i++)
        if (image->descriptors[i].number == number)
            return image->descriptors[i].kind == kind ? &image->descriptors[i] : NULL;
    return NULL;
}

static bool take_state(struct reader *reader, const struct image *image, struct state *state)
{
    bool hashed;
    if (!take_u32(reader, &state->descriptor) || !take_u64(reader, &state->size) ||
        !take_u64(reader, &state->mtime) || !take_bool(reader, &hashed))
        return false;
    if (hashed && !(state->hash = take(reader, DIGEST_SIZE)))
        return false;
    return find_open(image, state->descriptor, DESCRIPTOR_FILE) ||
           refuse(reader, "a state of what is no open file");
}

static bool take_contents(struct reader *reader, struct carried *carried)
{
    return take_u64(reader, &carried->size) && (carried->bytes = take(reader, carried->size));
}

static bool take_deleted(struct reader *reader, const struct image *image, struct carried *carried)
{
    if (!take_count(reader, 4, &carried->ndescriptors) ||
        !(carried->descriptors = take(reader, (uint64_t)carried->ndescriptors * 4)))
        return false;
    if (carried->ndescriptors == 0)
        return refuse(reader, "a deleted file that is not open");
    for (uint32_t i = 0; i < carried->ndescriptors; i++) {
        uint32_t number = get_le32(carried->descriptors + (size_t)i * 4);
        const struct saved_descriptor *descriptor =
            find_open(image, number,
                      carried->kind == CARRIED_REMOVED ? DESCRIPTOR_DIRECTORY : DESCRIPTOR_FILE);
        if (!descriptor || descriptor->source != carried->preopen)
            return refuse(reader, "a deleted file that is not open");
        if (i > 0 && number <= get_le32(carried->descriptors + (size_t)i * 4 - 4))
            return refuse(reader, "descriptors out of order");
    }
    return carried->kind == CARRIED_REMOVED || take_contents(reader, carried);
}

static bool take_target(struct reader *reader, struct slice *target)
{
    if (!take_text(reader, target))
        return false;
    return (target->size > 0 && text_valid(target->data, target->size) && target->data[0] != '/') ||
           refuse(reader, "a symbolic link that a guest could not make");
}

static bool take_carried(struct reader *reader, const struct image *image, struct carried *carried)
{
    uint8_t kind;
    if (!take_u8(reader, &kind) || !take_u32(reader, &carried->preopen) ||
        !take_path(reader, &carried->path))
        return false;
    if (carried->preopen >= image->preopens.count)
        return refuse(reader, "a file in a directory that does not exist");
    if (carried->path.size == 1 && carried->path.data[0] == '.')
        return refuse(reader, "a file that is a directory");
    carried->kind = (enum carried_kind)kind;
    switch (carried->kind) {
    case CARRIED_DIRECTORY: return true;
    case CARRIED_FILE: return take_contents(reader, carried);
    case CARRIED_LINK: return take_target(reader, &carried->target);
    case CARRIED_DELETED:
    case CARRIED_REMOVED: return take_deleted(reader, image, carried);
    default: return refuse(reader, "an unknown kind of file");
    }
}

static bool take_states(struct reader *reader, const struct image *image, struct baggage *baggage)
{
    uint32_t count;
    if (!take_count(reader, LEAST_STATE, &count))
        return false;
    baggage->states = calloc(count ? count : 1, sizeof *baggage->states);
    if (!baggage->states)
        return error_set(reader->error, ERROR_MEMORY, "out of memory for the files section");
    for (; baggage->nstates < count; baggage->nstates++) {
        struct state *state = &baggage->states[baggage->nstates];
        if (!take_state(reader, image, state))
            return false;
        if (baggage->nstates > 0 && state->descriptor <= state[-1].descriptor)
            return refuse(reader, "descriptors out of order");
    }
    return true;
}

static bool take_baggage(struct reader *reader, const struct image *image, struct baggage *baggage)
{
    uint32_t count;
    if (!take_states(reader, image, baggage) || !take_count(reader, LEAST_CARRIED, &count))
        return false;
    baggage->carried = calloc(count ? count : 1, sizeof *baggage->carried);
    if (!baggage->carried)
        return error_set(reader->error, ERROR_MEMORY, "out of memory for the files section");
    for (; baggage->ncarried < count; baggage->ncarried++)
        if (!take_carried(reader, image, &baggage->carried[baggage->ncarried]))
            return false;
    if (baggage->nstates + baggage->ncarried == 0)
        return refuse(reader, "nothing in it");
    return reader->at == reader->size || refuse(reader, "bytes left over at its end");
}

bool baggage_read(struct baggage *baggage, const struct image *image, const uint8_t *data,
                  size_t size, struct error *error)
{
    struct reader reader = {.section = "files", .data = data, .size = size, .error = error};
    *baggage = (struct baggage){0};
    if (size == 0 || take_baggage(&reader, image, baggage))
        return true;
    baggage_free(baggage);
    return false;
}

void baggage_free(struct baggage *baggage)
{
    free(baggage->states);
    free(baggage->carried);
    *baggage = (struct baggage){0};
}

const struct state *baggage_state(const struct baggage *baggage, uint32_t descriptor)
{
    for (uint32_t i = 0; i < baggage->nstates; i++)
        if (baggage->states[i].descriptor == descriptor)
            return &baggage->states[i];
    return NULL;
}
