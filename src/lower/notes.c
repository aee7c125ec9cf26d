#include "lower/notes.h"

#include "wasm/reader.h"

void site_notes_begin(struct site_notes *notes)
{
    *notes = (struct site_notes){0};
    buffer_put_u32(&notes->bytes, 0);
}

bool site_notes_add(void *context, const struct site *site)
{
    struct site_notes *notes = context;
    struct buffer *bytes = &notes->bytes;
    buffer_put_leb(bytes, site->noperands * 4 + (uint32_t)site->kind);
    buffer_put_leb(bytes, site->offset - notes->offset);
    buffer_put_leb(bytes, site->code - notes->code);
    buffer_put_leb(bytes, site->shared);
    notes->offset = site->offset;
    notes->code = site->code;
    for (uint32_t i = site->shared; i < site->noperands; i++) {
        const struct operand *operand = &site->operands[i];
        buffer_put_u8(bytes, operand->type);
        buffer_put_u8(bytes, operand->place);
        if (operand->place == OPERAND_CONST)
            buffer_put_u64(bytes, operand->value);
        else
            buffer_put_leb(bytes, operand->at);
    }
    if (!bytes->failed)
        put_le32(bytes->data, get_le32(bytes->data) + 1);
    return !bytes->failed;
}

static bool read_operands(const uint8_t **at, uint32_t count, struct buffer *operands)
{
    for (; count > 0; count--) {
        struct operand operand = {.type = (*at)[0], .place = (*at)[1]};
        *at += 2;
        if (operand.place == OPERAND_CONST) {
            operand.value = get_le64(*at);
            *at += 8;
        } else {
            operand.at = leb_u32(at);
        }
        buffer_put(operands, &operand, sizeof operand);
    }
    return !operands->failed;
}

bool site_notes_read(const uint8_t *at, site_visitor visit, void *context)
{
    struct buffer operands = {0};
    struct site site = {.callee = UINT32_MAX};
    bool good = true, more = true;
    uint32_t count = get_le32(at);
    for (at += 4; good && more && count > 0; count--) {
        uint32_t head = leb_u32(&at);
        site.kind = (enum site_kind)(head % 4);
        site.offset += leb_u32(&at);
        site.code += leb_u32(&at);
        site.noperands = head / 4;
        site.shared = leb_u32(&at);
        operands.size = site.shared * sizeof(struct operand);
        good = read_operands(&at, site.noperands - site.shared, &operands);
        site.operands = (const struct operand *)(const void *)operands.data;
        more = good && visit(context, &site);
    }
    buffer_free(&operands);
    return good;
}
