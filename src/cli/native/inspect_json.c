/* inspect_json.c - `yado inspect --json`. */
#include <stdio.h>

#include "cli/native/envelopes.h"
#include "cli/opened.h"
#include "state/snapshot_json.h"

static bool put_envelope(json_t *json, const char *path, struct error *error)
{
    struct envelope_facts facts;
    struct tree tree = {0};
    if (!envelopes_facts(path, &facts, error))
        return false;
    tree_put(&tree, json, "envelope",
             !facts.is_one ? json_null()
                           : json_pack("{s:o, s:I}", "signer",
                                       *facts.signer ? json_string(facts.signer) : json_null(),
                                       "recipients", (json_int_t)facts.recipients));
    return !tree.failed || error_set(error, ERROR_MEMORY, "no memory for the snapshot as JSON");
}

bool inspect_json(const struct opened *opened, const struct options *options, struct error *error)
{
    const char *path = options->positional[0];
    json_t *json = NULL;
    if (!snapshot_json(&opened->snapshot, opened->has_module ? &opened->module : NULL,
                       !options->no_contents, &json, error))
        return error_prefix(error, "%s", path);
    bool good = put_envelope(json, path, error);
    if (good && (json_dumpf(json, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII) != 0 ||
                 putchar('\n') == EOF || fflush(stdout) != 0))
        good = error_set(error, ERROR_IO, "cannot write to standard output");
    json_decref(json);
    return good;
}
