#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "oci/oci_container.h"

static void add_states(const struct call *call, const char *kind, json_t *states)
{
    char path[PATH_ROOM];
    struct error error;
    DIR *directory = path_set(path, NULL, "%s/%s", call->root, kind) ? opendir(path) : NULL;
    for (struct dirent *item; directory && (item = readdir(directory));) {
        struct call one = *call;
        one.id = item->d_name;
        json_t *state = item->d_name[0] == '.' ? NULL : container_state(&one, &error);
        if (state) /* one that goes meanwhile is not there */
            json_array_append_new(states, state);
    }
    if (directory)
        closedir(directory);
}

static const char *text_of(const json_t *state, const char *name)
{
    const char *text = json_string_value(json_object_get(state, name));
    return text ? text : "";
}

static void print_table(const struct call *call, const json_t *states)
{
    size_t i;
    const json_t *state;
    if (!call->quiet)
        printf("%-40s %-8s %-9s %s\n", "ID", "PID", "STATUS", "BUNDLE");
    json_array_foreach (states, i, state) {
        if (call->quiet)
            printf("%s\n", text_of(state, "id"));
        else
            printf("%-40s %-8lld %-9s %s\n", text_of(state, "id"),
                   (long long)json_integer_value(json_object_get(state, "pid")),
                   text_of(state, "status"), text_of(state, "bundle"));
    }
}

int verb_list(struct call *call, struct error *error)
{
    json_t *states = json_array();
    add_states(call, "crun", states);
    add_states(call, "runc", states);
    char *text = json_dumps(states, 0);
    if (text && strcmp(call->output, "json") == 0 && !call->quiet)
        puts(text);
    else if (text)
        print_table(call, states);
    else
        error_set(error, ERROR_MEMORY, "no memory for the list");
    json_decref(states);
    free(text);
    return text ? 0 : -1;
}
