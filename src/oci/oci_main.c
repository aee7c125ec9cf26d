/* oci_main.c - picks the verb. By other names the same program is what runs in the container (init.h),
 * and what answers an engine that asks for CRIU (criu.h). */
#include <stdio.h>
#include <string.h>

#include "base/streams.h"
#include "oci/criu.h"
#include "oci/init.h"
#include "oci/oci.h"

static const struct verb verbs[] = {
    {"create", verb_create, true, "make a container of a bundle; its program waits for `start`"},
    {"start", verb_forward, true, "let a container's program begin"},
    {"state", verb_state, true, "print a container's state as JSON"},
    {"kill", verb_forward, true, "send a container's program a signal"},
    {"delete", verb_delete, true, "remove a container that has ended, or with --force any"},
    {"pause", verb_forward, true, "freeze a container's processes"},
    {"resume", verb_forward, true, "let them go on"},
    {"exec", verb_forward, true, "start a native process in a container"},
    {"ps", verb_forward, true, "list a container's processes"},
    {"events", verb_forward, true, "print what a container uses"},
    {"update", verb_forward, true, "change a container's limits"},
    {"list", verb_list, false, "list the containers"},
    {"checkpoint", verb_checkpoint, true,
     "write a snapshot: --image-path --work-path --parent-path --leave-running --pre-dump "
     "--file-locks --tcp-established --manage-cgroups-mode --lsm-profile --lsm-mount-context"},
    {"restore", verb_restore, true, "make a container that goes on from a snapshot"},
    {"features", verb_features, false, "print what this runtime can do, as JSON"},
    {"spec", verb_spec, false, "write a config.json to begin with"},
};

const struct verb *verb_named(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static void help(const struct call *call)
{
    if (call->verb) {
        printf("usage: yado-oci %s [OPTIONS]%s\n\n%s\n", call->verb->name,
               call->verb->needs_id ? " ID" : "", call->verb->help);
        return;
    }
    printf("usage: yado-oci [--root DIR] [--log FILE] [--log-format text|json] [--systemd-cgroup] "
           "COMMAND [OPTIONS] [ID]\n\ncommands:\n");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        printf("  %-11s %s\n", verbs[i].name, verbs[i].help);
}

/* Returns as a verb does. */
static int run(struct call *call, struct error *error)
{
    if (call->version && !call->verb)
        printf("yado-oci version " OCI_VERSION "\nspec: " OCI_SPEC "\n");
    else if (call->help)
        help(call);
    else
        return call->verb->run(call, error);
    return 0;
}

int main(int argc, const char **argv)
{
    static struct error error = {.offset = ERROR_NO_OFFSET};
    struct call call;
    streams_open();
    if (init_is_wanted(argv[0]))
        return init_run(argc, argv);
    if (criu_is_wanted(argv[0]))
        return criu_answer(argc, argv);
    int code = call_parse(&call, argc, argv, &error) ? run(&call, &error) : -1;
    if (code < 0) {
        call_report(&call, &error);
        code = 1;
    }
    call_free(&call);
    return code;
}
