#include "state/save.h"

#include "base/output.h"

static bool fill(const struct saving *saving, struct output *output, struct error *error)
{
    struct sink sink = {output_write, output}, wrapped = sink;
    const struct wrapping *wrapping = saving->wrapping;
    if (wrapping && !wrapping->begin(wrapping->context, &sink, &wrapped, error))
        return false;
    bool good = saving->fill(saving->context, &wrapped, output->device, output->inode, error);
    if (wrapping)
        good = wrapping->end(wrapping->context, good, error);
    return good;
}

bool file_save(const struct saving *saving, const char *path, uint64_t *size, struct error *error)
{
    const struct output_options options = {.sync = saving->sync, .keep = saving->keep};
    struct output output;
    const struct file_check *check = saving->check;
    bool good = output_begin(&output, path, &options, error) && fill(saving, &output, error);
    if (good && check)
        good =
            check->look(check->context, output.temporary ? output.temporary : output.path, error);
    good = output_end(&output, good, error);
    if (good && size)
        *size = output.size;
    return good;
}

struct save {
    const struct guest *guest;
    const struct capture_options *options;
};

static bool capture(void *context, const struct sink *sink, uint64_t dev, uint64_t ino,
                    struct error *error)
{
    const struct save *save = context;
    struct capture_options own = *save->options;
    own.carry.output_dev = dev;
    own.carry.output_ino = ino;
    return snapshot_capture(save->guest, &own, sink, error);
}

bool snapshot_save(const struct guest *guest, const struct capture_options *options,
                   const char *path, uint64_t *size, struct error *error)
{
    struct save save = {guest, options};
    const struct saving saving = {capture,       &save,         options->wrapping,
                                  options->sync, options->keep, options->check};
    return file_save(&saving, path, size, error);
}
