#include "cli/native/place.h"

#include <stdlib.h>

#include "cli/native/lines.h"

struct place *place_new(struct supervisor *supervisor)
{
    struct place *place = calloc(1, sizeof *place);
    if (place)
        place->supervisor = supervisor;
    return place;
}

void place_free(struct place *place)
{
    if (!place)
        return;
    if (place->kind)
        place->kind->close(place);
    lines_free(&place->dirs);
    free(place);
}

bool place_has_guest(const struct place *place)
{
    return place->supervisor->place == place;
}

char *incoming_path(const struct supervisor *supervisor, const char *file,
                    char path[REGISTRY_PATH_MAX])
{
    (void)path_set(path, NULL, "%s/incoming%s%s", supervisor->entry.directory, *file ? "/" : "",
                   file);
    return path;
}
