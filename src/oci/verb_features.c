/* verb_features.c - what engines ask: versions, that `rro` and id-mapped mounts are as the runtime
 * below has them, and that checkpoints are possible. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "oci/below.h"

#include <jansson.h>

/* Those of the runtime below, when it tells them (crun since 1.8.6, runc since 1.1). */
static json_t *ask_below(struct call *call)
{
    struct below below;
    struct buffer text = {0};
    static const char *const words[] = {"features", NULL};
    json_t *features = NULL;
    if (below_choose(call, &below, NULL) && below_ask(call, &below, words, &text, NULL))
        features = json_loadb((const char *)text.data, text.size, 0, NULL);
    buffer_free(&text);
    if (json_is_object(features))
        return features;
    json_decref(features);
    return json_object();
}

int verb_features(struct call *call, struct error *error)
{
    json_t *features = ask_below(call), *annotations = json_object_get(features, "annotations");
    if (!json_is_object(annotations)) {
        annotations = json_object();
        json_object_set_new(features, "annotations", annotations);
    }
    json_object_set_new(features, "ociVersionMin", json_string("1.0.0"));
    json_object_set_new(features, "ociVersionMax", json_string(OCI_SPEC));
    json_object_set_new(annotations, "dev.yadokari.checkpoint.enabled", json_string("true"));
    json_object_set_new(annotations, "run.oci.crun.checkpoint.enabled", json_string("true"));
    json_object_set_new(annotations, "org.opencontainers.runc.checkpoint.enabled",
                        json_string("true"));
    char *text = json_dumps(features, JSON_INDENT(2));
    if (text)
        puts(text);
    else
        error_set(error, ERROR_MEMORY, "no memory for the features");
    json_decref(features);
    free(text);
    return text ? 0 : -1;
}
