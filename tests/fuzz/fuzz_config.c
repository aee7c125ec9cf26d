// Fuzzes the reader and the rewriter of an engine's config.json (src/oci/).
#include <stdlib.h>

#include "oci/config.h"
#include "oci/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct error error;
    static const char *const snapshots[] = {"restore-0.snap", "restore-1.snap"};
    bool good;
    if (!config_parse(&config, data, size, "/nonexistent", &error))
        return 0;
    (void)config_is_wasm(&config, &good, &error);
    if (config_suits_wasm(&config, &error)) {
        struct rewriting how = {.self = "/yado-oci",
                                .control = "/control",
                                .snapshots = snapshots,
                                .nsnapshots = size % 3};
        (void)config_host_id(&config, "uid", "uidMappings");
        if (config_rewrite(&config, &how, &error)) {
            char *text = json_dumps(config.tree, JSON_COMPACT);
            if (!text)
                abort();
            free(text);
        }
    }
    config_free(&config);
    return 0;
}
