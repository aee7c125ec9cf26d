/* snapshot_json.c - a snapshot as data for other programs, section by section. */
#include "state/snapshot_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "state/parts.h"
#include "wasi/wasi_json.h"

struct maker {
    struct tree tree;
    const struct snapshot *snapshot;
    const struct module *module;
    bool contents;
    json_t **names; /* by function index, once they are asked for; or NULL */
    struct error *error;
};

static struct cursor open_section(const struct maker *maker, enum section_id id,
                                  const struct section *section)
{
    return cursor_of(maker->snapshot, id, section, maker->error);
}

/* Names are looked for in the module once each. */
static json_t *function_name(struct maker *maker, uint32_t funcidx)
{
    const struct module *module = maker->module;
    if (!module || funcidx >= module->nfuncs || !maker->names)
        return json_null();
    if (!maker->names[funcidx]) {
        struct span name = module_func_name(module, funcidx);
        maker->names[funcidx] = name.size ? tree_text(name.data, name.size) : json_null();
    }
    return json_incref(maker->names[funcidx]);
}

/* ---- values */

static json_t *number(double value, unsigned digits, uint64_t bits)
{
    return json_pack("{s:o, s:o}", "value", json_sprintf("%.*g", digits == 8 ? 9 : 17, value),
                     "bits", tree_bits(bits, digits));
}

static json_t *index_json(uint32_t index)
{
    return index == UINT32_MAX ? json_null() : json_integer(index);
}

static json_t *value_json(const struct typed_value *value)
{
    float f32;
    double f64;
    uint32_t low = (uint32_t)value->bits;
    json_t *json;
    memcpy(&f32, &low, sizeof f32);
    memcpy(&f64, &value->bits, sizeof f64);
    switch (value->type) {
    case TYPE_I32: json = json_pack("{s:i}", "value", (int32_t)low); break;
    case TYPE_I64:
        json = json_pack("{s:o}", "value", json_sprintf("%lld", (long long)value->bits));
        break;
    case TYPE_F32: json = number((double)f32, 8, low); break;
    case TYPE_F64: json = number(f64, 16, value->bits); break;
    default: json = json_pack("{s:o}", "value", index_json(low));
    }
    if (json && json_object_set_new(json, "type", json_string(valtype_name(value->type))) != 0) {
        json_decref(json);
        json = NULL;
    }
    return json;
}

static json_t *values_json(struct maker *maker, struct cursor *cursor, uint32_t count)
{
    json_t *values = json_array();
    struct typed_value value;
    for (uint32_t i = 0; i < count && cursor_value(cursor, &value); i++)
        tree_append(&maker->tree, values, value_json(&value));
    return values;
}

/* ---- header, notes, run */

static json_t *module_json(const struct maker *maker)
{
    const struct snapshot *snapshot = maker->snapshot;
    bool embedded = snapshot->module.data && maker->contents;
    return json_pack("{s:o, s:o, s:b, s:o*}", "bytes", tree_u64(snapshot->module_size), "blake3",
                     tree_hex(snapshot->module_hash, MODULE_HASH_SIZE), "embedded",
                     snapshot->module.data != NULL, "data",
                     embedded ? tree_base64(snapshot->module.data, snapshot->module.size) : NULL);
}

static json_t *notes_json(struct maker *maker)
{
    const struct section *notes = &maker->snapshot->notes;
    json_t *object = json_object();
    for (const uint8_t *at = notes->data, *end; at && at < notes->data + notes->size;
         at = end + 1) {
        char key[32];
        size_t left = (size_t)(notes->data + notes->size - at);
        end = memchr(at, '\n', left);
        const uint8_t *equals = end ? memchr(at, '=', (size_t)(end - at)) : NULL;
        if (!equals)
            break;
        snprintf(key, sizeof key, "%.*s", (int)(equals - at), (const char *)at);
        tree_put(&maker->tree, object, key, tree_text(equals + 1, (size_t)(end - equals - 1)));
    }
    return object;
}

static json_t *run_json(struct maker *maker)
{
    const struct snapshot *snapshot = maker->snapshot;
    const char *running = snapshot->started                    ? "entry"
                          : snapshot->stage == INITIALIZE_RUNS ? "_initialize"
                                                               : "start";
    return json_pack("{s:s, s:I, s:o, s:o}", "running", running, "entry",
                     (json_int_t)snapshot->entry, "name", function_name(maker, snapshot->entry),
                     "fuel", tree_u64(snapshot->fuel_used));
}

/* The rest of the guest's calls. */
static json_t *call_json(struct maker *maker, bool *good)
{
    const struct snapshot *snapshot = maker->snapshot;
    if (!snapshot->call.data)
        return json_null();
    struct cursor cursor = open_section(maker, SECTION_CALL, &snapshot->call);
    json_t *object = json_object();
    cursor_take(&cursor, 5);
    tree_put(&maker->tree, object, "initialize",
             snapshot->stage == INITIALIZE_NONE
                 ? json_null()
                 : json_pack("{s:I, s:o}", "function", (json_int_t)snapshot->initialize, "name",
                             function_name(maker, snapshot->initialize)));
    tree_put(&maker->tree, object, "arguments", values_json(maker, &cursor, cursor_u32(&cursor)));
    *good = cursor_end(&cursor);
    return object;
}

/* ---- frames */

static json_t *frame_json(struct maker *maker, struct cursor *cursor)
{
    uint32_t funcidx = cursor_u32(cursor);
    uint8_t kind = cursor_u8(cursor);
    uint32_t offset = cursor_u32(cursor), nlocals = cursor_u32(cursor),
             noperands = cursor_u32(cursor);
    if (kind > SITE_HOST_CALL)
        cursor_refuse(cursor, "has a frame at an unknown kind of site");
    if (!cursor->good || kind > SITE_HOST_CALL)
        return json_null();
    json_t *frame = json_object();
    tree_put(&maker->tree, frame, "function", json_integer(funcidx));
    tree_put(&maker->tree, frame, "name", function_name(maker, funcidx));
    tree_put(&maker->tree, frame, "offset", json_integer(offset));
    tree_put(&maker->tree, frame, "site", json_string(site_kind_name((enum site_kind)kind)));
    tree_put(&maker->tree, frame, "locals", values_json(maker, cursor, nlocals));
    tree_put(&maker->tree, frame, "operands", values_json(maker, cursor, noperands));
    return frame;
}

/* The file has the outermost first, a person wants the innermost first. */
static json_t *frames_json(struct maker *maker, bool *good)
{
    struct cursor cursor = open_section(maker, SECTION_FRAMES, &maker->snapshot->frames);
    json_t *outermost = json_array(), *innermost = json_array();
    uint32_t count = cursor_u32(&cursor);
    for (uint32_t i = 0; i < count && cursor.good; i++)
        tree_append(&maker->tree, outermost, frame_json(maker, &cursor));
    for (size_t i = json_array_size(outermost); i-- > 0;)
        tree_append(&maker->tree, innermost, json_incref(json_array_get(outermost, i)));
    json_decref(outermost);
    *good = cursor_end(&cursor);
    return innermost;
}

/* ---- memory: runs go on from one compressed part to the next */

struct run {
    int64_t first, blocks;
    struct buffer bytes;
};

static void put_run(struct maker *maker, json_t *runs, struct run *run)
{
    if (run->blocks)
        tree_append(
            &maker->tree, runs,
            json_pack("{s:o, s:o, s:o*}", "address", json_integer(run->first * BLOCK_SIZE), "bytes",
                      json_integer(run->blocks * BLOCK_SIZE), "data",
                      maker->contents ? tree_base64(run->bytes.data, run->bytes.size) : NULL));
    maker->tree.failed |= run->bytes.failed;
    run->bytes.size = 0;
    run->blocks = 0;
}

static bool add_runs(struct maker *maker, struct cursor *cursor, json_t *runs, struct run *run)
{
    for (uint32_t left = cursor_u32(cursor); left > 0 && cursor->good; left--) {
        uint32_t first = cursor_u32(cursor), count = cursor_u32(cursor);
        if (count > cursor_room(cursor, BLOCK_SIZE))
            return cursor_refuse(cursor, "ends too early");
        if (run->first + run->blocks != first)
            put_run(maker, runs, run);
        if (run->blocks == 0)
            run->first = first;
        run->blocks += count;
        const uint8_t *bytes = cursor_take(cursor, (size_t)count * BLOCK_SIZE);
        if (maker->contents)
            buffer_put(&run->bytes, bytes, (size_t)count * BLOCK_SIZE);
    }
    return cursor_end(cursor);
}

static json_t *memory_json(struct maker *maker, bool *good)
{
    struct memory_parts parts;
    struct cursor cursor;
    struct run run = {0};
    json_t *runs = json_array();
    bool present = false, right = memory_parts_begin(&parts, maker->snapshot, maker->error);
    uint32_t pages = 0;
    *good = right;
    while (right && memory_parts_next(&parts, &cursor, good)) {
        present = cursor_u8(&cursor);
        pages = cursor_u32(&cursor);
        right = add_runs(maker, &cursor, runs, &run);
    }
    put_run(maker, runs, &run);
    buffer_free(&run.bytes);
    memory_parts_end(&parts);
    *good = *good && right;
    if (present)
        return json_pack("{s:I, s:b, s:o}", "pages", (json_int_t)pages, "compressed",
                         maker->snapshot->compressed, "runs", runs);
    json_decref(runs);
    return json_null();
}

/* ---- globals, tables, segments */

static json_t *globals_json(struct maker *maker, bool *good)
{
    struct cursor cursor = open_section(maker, SECTION_GLOBALS, &maker->snapshot->globals);
    json_t *values = values_json(maker, &cursor, cursor_u32(&cursor));
    *good = cursor_end(&cursor);
    return values;
}

static json_t *tables_json(struct maker *maker, bool *good)
{
    struct cursor cursor = open_section(maker, SECTION_TABLES, &maker->snapshot->tables);
    json_t *tables = json_array();
    for (uint32_t count = cursor_u32(&cursor); count > 0 && cursor.good; count--) {
        json_t *elements = json_array();
        const char *type = valtype_name(cursor_u8(&cursor));
        for (uint32_t size = cursor_u32(&cursor); size > 0 && cursor.good; size--)
            tree_append(&maker->tree, elements, index_json(cursor_u32(&cursor)));
        tree_append(&maker->tree, tables,
                    json_pack("{s:s, s:o}", "type", type, "elements", elements));
    }
    *good = cursor_end(&cursor);
    return tables;
}

static json_t *flags_json(struct maker *maker, struct cursor *cursor)
{
    json_t *flags = json_array();
    for (uint32_t count = cursor_u32(cursor); count > 0 && cursor->good; count--)
        tree_append(&maker->tree, flags, json_boolean(cursor_u8(cursor)));
    return flags;
}

static json_t *segments_json(struct maker *maker, bool *good)
{
    struct cursor cursor = open_section(maker, SECTION_SEGMENTS, &maker->snapshot->segments);
    json_t *segments = json_object();
    tree_put(&maker->tree, segments, "elements", flags_json(maker, &cursor));
    tree_put(&maker->tree, segments, "data", flags_json(maker, &cursor));
    *good = cursor_end(&cursor);
    return segments;
}

/* ---- base */

static json_t *base_json(struct maker *maker, bool *good)
{
    const struct section *base = &maker->snapshot->base;
    if (!base->data)
        return json_null();
    struct cursor cursor = open_section(maker, SECTION_BASE, base);
    json_t *runs = json_array(), *id = json_null();
    if (base->size >= DIGEST_SIZE)
        id = tree_hex(cursor_take(&cursor, DIGEST_SIZE), DIGEST_SIZE);
    for (uint32_t left = cursor_u32(&cursor); left > 0 && cursor.good; left--) {
        uint32_t first = cursor_u32(&cursor);
        json_t *hashes = json_array();
        for (uint32_t count = cursor_u32(&cursor); count > 0 && cursor.good; count--)
            tree_append(&maker->tree, hashes, tree_bits(get_le64(cursor_take(&cursor, 8)), 16));
        tree_append(&maker->tree, runs,
                    json_pack("{s:o, s:o}", "address", json_integer((json_int_t)first * BLOCK_SIZE),
                              "hashes", hashes));
    }
    *good = cursor_end(&cursor);
    return json_pack("{s:o, s:o}", "id", id, "runs", runs);
}

/* ---- all of it */

static void put_wasi(struct maker *maker, json_t *json, bool *good)
{
    const struct snapshot *snapshot = maker->snapshot;
    struct wasi_sections sections = {.wasi = snapshot->wasi.data,
                                     .wasi_size = snapshot->wasi.size,
                                     .files = snapshot->files.data,
                                     .files_size = snapshot->files.size};
    json_t *wasi = json_null(), *files = json_null();
    if (snapshot->wasi.size)
        *good = wasi_json(&sections, maker->contents, &maker->tree, &wasi, &files, maker->error);
    tree_put(&maker->tree, json, "wasi", wasi);
    tree_put(&maker->tree, json, "files", files);
}

static bool put_sections(struct maker *maker, json_t *json)
{
    static const struct {
        const char *key;
        json_t *(*make)(struct maker *maker, bool *good);
    } sections[] = {{"call", call_json},       {"frames", frames_json}, {"memory", memory_json},
                    {"globals", globals_json}, {"tables", tables_json}, {"segments", segments_json},
                    {"base", base_json}};
    bool good = true;
    for (unsigned i = 0; good && i < sizeof sections / sizeof *sections; i++)
        tree_put(&maker->tree, json, sections[i].key, sections[i].make(maker, &good));
    if (good)
        put_wasi(maker, json, &good);
    return good;
}

bool snapshot_json(const struct snapshot *snapshot, const struct module *module, bool contents,
                   json_t **json, struct error *error)
{
    struct maker maker = {
        .snapshot = snapshot, .module = module, .contents = contents, .error = error};
    if (module)
        maker.names = calloc((size_t)module->nfuncs + 1, sizeof(json_t *));
    *json = json_object();
    tree_put(&maker.tree, *json, "shape", json_integer(1));
    tree_put(&maker.tree, *json, "version", json_integer(snapshot->version));
    tree_put(&maker.tree, *json, "bytes", tree_u64(snapshot->size));
    tree_put(&maker.tree, *json, "module", module_json(&maker));
    tree_put(&maker.tree, *json, "notes", notes_json(&maker));
    tree_put(&maker.tree, *json, "run", run_json(&maker));
    bool good = put_sections(&maker, *json);
    for (uint32_t i = 0; module && maker.names && i < module->nfuncs; i++)
        json_decref(maker.names[i]);
    free(maker.names);
    if (good && maker.tree.failed)
        good = error_set(error, ERROR_MEMORY, "no memory for the snapshot as JSON");
    if (!good) {
        json_decref(*json);
        *json = NULL;
    }
    return good;
}
