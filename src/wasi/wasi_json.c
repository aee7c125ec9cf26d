/* wasi_json.c - a WASI section as data for other programs. */
#include "wasi/wasi_json.h"

#include "wasi/carry.h"

static json_t *slice_json(const struct slice *slice)
{
    return tree_text(slice->data, slice->size);
}

static json_t *slices_json(struct tree *tree, const struct slices *slices)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < slices->count; i++)
        tree_append(tree, array, slice_json(&slices->items[i]));
    return array;
}

static json_t *clocks_json(struct tree *tree, const struct image *image)
{
    static const char *const names[] = {"", "monotonic", "process", "thread"};
    json_t *clocks = json_object();
    for (uint32_t i = CLOCK_MONO; i <= CLOCK_THREAD; i++)
        tree_put(tree, clocks, names[i],
                 image->clocks[i].asked ? tree_u64(image->clocks[i].reading) : json_null());
    return clocks;
}

static json_t *flags_json(struct tree *tree, uint16_t fdflags)
{
    static const struct {
        uint16_t flag;
        const char *name;
    } flags[] = {{FDFLAG_APPEND, "append"},
                 {FDFLAG_DSYNC, "dsync"},
                 {FDFLAG_NONBLOCK, "nonblock"},
                 {FDFLAG_RSYNC, "rsync"},
                 {FDFLAG_SYNC, "sync"}};
    json_t *array = json_array();
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++)
        if (fdflags & flags[i].flag)
            tree_append(tree, array, json_string(flags[i].name));
    return array;
}

static json_t *descriptor_json(struct tree *tree, const struct saved_descriptor *descriptor)
{
    static const char *const kinds[] = {[DESCRIPTOR_STREAM] = "stream",
                                        [DESCRIPTOR_PREOPEN] = "preopen",
                                        [DESCRIPTOR_FILE] = "file",
                                        [DESCRIPTOR_DIRECTORY] = "directory",
                                        [DESCRIPTOR_CONNECTION] = "connection",
                                        [DESCRIPTOR_LISTENER] = "listener"};
    static const char *const streams[] = {"input", "output", "error"};
    json_t *object = json_object();
    bool file = descriptor->kind == DESCRIPTOR_FILE;
    tree_put(tree, object, "number", json_integer(descriptor->number));
    tree_put(tree, object, "kind", json_string(kinds[descriptor->kind]));
    tree_put(tree, object, "flags", flags_json(tree, descriptor->fdflags));
    tree_put(tree, object, "rights", tree_bits(descriptor->rights, 1));
    tree_put(tree, object, "inheriting", tree_bits(descriptor->inheriting, 1));
    if (descriptor->kind == DESCRIPTOR_STREAM)
        tree_put(tree, object, "stream", json_string(streams[descriptor->source]));
    if (descriptor->kind == DESCRIPTOR_LISTENER)
        tree_put(tree, object, "address", slice_json(&descriptor->path));
    if (file || descriptor->kind == DESCRIPTOR_DIRECTORY || descriptor->kind == DESCRIPTOR_PREOPEN)
        tree_put(tree, object, "preopen", json_integer(descriptor->source));
    if (file || descriptor->kind == DESCRIPTOR_DIRECTORY) {
        tree_put(tree, object, "path", slice_json(&descriptor->path));
        tree_put(tree, object, "follow", json_boolean(descriptor->follow));
    }
    if (file)
        tree_put(tree, object, "offset", tree_u64(descriptor->offset));
    return object;
}

static json_t *image_json(struct tree *tree, const struct image *image)
{
    json_t *wasi = json_object(), *descriptors = json_array();
    tree_put(tree, wasi, "arguments", slices_json(tree, &image->arguments));
    tree_put(tree, wasi, "environment", slices_json(tree, &image->environment));
    tree_put(tree, wasi, "preopens", slices_json(tree, &image->preopens));
    tree_put(tree, wasi, "clocks", clocks_json(tree, image));
    tree_put(tree, wasi, "waited", image->waiting ? tree_u64(image->waited) : json_null());
    for (uint32_t i = 0; i < image->ndescriptors; i++)
        tree_append(tree, descriptors, descriptor_json(tree, &image->descriptors[i]));
    tree_put(tree, wasi, "descriptors", descriptors);
    return wasi;
}

static json_t *state_json(const struct state *state)
{
    return json_pack("{s:I, s:o, s:o, s:o}", "descriptor", (json_int_t)state->descriptor, "bytes",
                     tree_u64(state->size), "modified",
                     state->mtime ? tree_u64(state->mtime) : json_null(), "blake3",
                     state->hash ? tree_hex(state->hash, DIGEST_SIZE) : json_null());
}

static json_t *carried_json(struct tree *tree, const struct carried *carried, bool contents)
{
    static const char *const kinds[] = {"", "directory", "file", "link", "deleted", "removed"};
    json_t *object = json_object(), *descriptors = json_array();
    for (uint32_t i = 0; i < carried->ndescriptors; i++)
        tree_append(tree, descriptors,
                    json_integer(get_le32(carried->descriptors + (size_t)i * 4)));
    tree_put(tree, object, "kind", json_string(kinds[carried->kind]));
    tree_put(tree, object, "preopen", json_integer(carried->preopen));
    tree_put(tree, object, "path", slice_json(&carried->path));
    if (carried->kind == CARRIED_LINK)
        tree_put(tree, object, "target", slice_json(&carried->target));
    if (carried->ndescriptors)
        tree_put(tree, object, "descriptors", json_incref(descriptors));
    if (carried->bytes)
        tree_put(tree, object, "bytes", tree_u64(carried->size));
    if (carried->bytes && contents)
        tree_put(tree, object, "data", tree_base64(carried->bytes, (size_t)carried->size));
    json_decref(descriptors);
    return object;
}

static json_t *files_json(struct tree *tree, const struct baggage *baggage, bool contents)
{
    json_t *open = json_array(), *carried = json_array();
    for (uint32_t i = 0; i < baggage->nstates; i++)
        tree_append(tree, open, state_json(&baggage->states[i]));
    for (uint32_t i = 0; i < baggage->ncarried; i++)
        tree_append(tree, carried, carried_json(tree, &baggage->carried[i], contents));
    return json_pack("{s:o, s:o}", "open", open, "carried", carried);
}

bool wasi_json(const struct wasi_sections *sections, bool contents, struct tree *tree,
               json_t **wasi, json_t **files, struct error *error)
{
    struct image image;
    struct baggage baggage;
    if (!image_read(&image, sections->wasi, sections->wasi_size, error))
        return false;
    bool good = baggage_read(&baggage, &image, sections->files, sections->files_size, error);
    if (good) {
        *wasi = image_json(tree, &image);
        if (sections->files)
            *files = files_json(tree, &baggage, contents);
        baggage_free(&baggage);
    }
    image_free(&image);
    return good;
}
