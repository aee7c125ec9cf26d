/* cursor.c - every read of a payload goes through here, and none passes its end. */
#include "state/cursor.h"

struct cursor cursor_of(const struct snapshot *snapshot, enum section_id id,
                        const struct section *section, struct error *error)
{
    return (struct cursor){snapshot, id,    section->data, section->data + section->size,
                           true,     error, NULL};
}

bool cursor_refuse(struct cursor *cursor, const char *reason)
{
    if (cursor->good)
        error_set_at(
            cursor->error, ERROR_SNAPSHOT,
            (uint64_t)((cursor->place ? cursor->place : cursor->at) - cursor->snapshot->bytes),
            "snapshot refused: section %s %s", section_name(cursor->id), reason);
    cursor->good = false;
    return false;
}

bool cursor_explain(struct cursor *cursor, const uint8_t *at)
{
    if (cursor->error && cursor->error->kind == ERROR_SNAPSHOT) {
        error_prefix(cursor->error, "snapshot refused: section %s", section_name(cursor->id));
        cursor->error->offset = (uint64_t)(at - cursor->snapshot->bytes);
    }
    cursor->good = false;
    return false;
}

const uint8_t *cursor_take(struct cursor *cursor, size_t size)
{
    static const uint8_t nothing[8];
    if (!cursor->good || size > (size_t)(cursor->end - cursor->at)) {
        cursor_refuse(cursor, "ends too early");
        return nothing;
    }
    cursor->at += size;
    return cursor->at - size;
}

uint8_t cursor_u8(struct cursor *cursor)
{
    return *cursor_take(cursor, 1);
}

uint32_t cursor_u32(struct cursor *cursor)
{
    return get_le32(cursor_take(cursor, 4));
}

bool cursor_end(struct cursor *cursor)
{
    return cursor->good &&
           (cursor->at == cursor->end || cursor_refuse(cursor, "has bytes behind its end"));
}

bool cursor_value(struct cursor *cursor, struct typed_value *value)
{
    value->type = cursor_u8(cursor);
    switch (value->type) {
    case TYPE_I64:
    case TYPE_F64: value->bits = get_le64(cursor_take(cursor, 8)); return cursor->good;
    case TYPE_I32:
    case TYPE_F32:
    case TYPE_FUNCREF:
    case TYPE_EXTERNREF: value->bits = cursor_u32(cursor); return cursor->good;
    default: return cursor_refuse(cursor, "has a value of an unknown type");
    }
}

size_t cursor_room(const struct cursor *cursor, size_t smallest)
{
    return cursor->good ? (size_t)(cursor->end - cursor->at) / smallest : 0;
}
