#include "cli/opened.h"

#include <stdio.h>

#include "cli/incoming.h"
#include "guest/bases.h"
#ifndef __wasm__
#    include "survey/survey.h"
#endif

/* The module's bytes: given, embedded, or where the notes say, if it is still
 * there and the same. */
static bool module_bytes(const struct snapshot *snapshot, const char *snapshot_path,
                         const char *module_path, struct buffer *bytes, struct error *error)
{
    char path[PATH_ROOM];
    struct span noted = snapshot->module_path;
    if (module_path)
        return file_read(module_path, bytes, error) &&
               snapshot_check_module(snapshot, bytes->data, bytes->size, error);
    if (snapshot->module.data) {
        buffer_put(bytes, snapshot->module.data, snapshot->module.size);
    } else if (noted.size) {
        note_path(snapshot_path, noted, path);
        file_read(path, bytes, NULL);
    }
    if (bytes->size && !snapshot_check_module(snapshot, bytes->data, bytes->size, NULL))
        bytes->size = 0;
    return true;
}

bool opened_read(struct opened *opened, const char *path, const struct options *options, bool whole,
                 struct error *error)
{
    struct buffer *bytes = &opened->module_bytes;
    *opened = (struct opened){0};
    bool good = (whole ? chain_read(path, &options->snapshots, &opened->file, error)
                       : incoming_read(path, &options->snapshots, &opened->file, error)) &&
                snapshot_open(&opened->snapshot, opened->file.data, opened->file.size, error) &&
                module_bytes(&opened->snapshot, path, options->guest.module, bytes, error);
    opened->has_module =
        good && bytes->size && module_load(&opened->module, bytes->data, bytes->size, error);
    if (good && options->guest.module && !opened->has_module) {
#ifndef __wasm__
        survey_explain(bytes->data, bytes->size, error);
#endif
        return error_prefix(error, "%s", options->guest.module);
    }
    return good || (error->kind != ERROR_IO && error_prefix(error, "%s", path));
}

void opened_free(struct opened *opened)
{
    if (opened->has_module)
        module_free(&opened->module);
    buffer_free(&opened->file);
    buffer_free(&opened->module_bytes);
}
