/* wasi_text.c - a WASI section for a person to read. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clean.h"
#include "wasi/carry.h"

struct printer {
    void (*line)(void *context, const char *text);
    void *context;
    char text[512];
};

/* Copies a text that may hold anything, so that a terminal is safe from it. */
static const char *shown(char to[256], const struct slice *slice)
{
    size_t size = slice->size < 252 ? slice->size : 252;
    if (size)
        memcpy(to, slice->data, size);
    memcpy(to + clean(to, size), size < slice->size ? "..." : "", size < slice->size ? 4 : 1);
    return to;
}

static void show_texts(struct printer *printer, const char *what, const struct slices *slices)
{
    char text[256];
    for (uint32_t i = 0; i < slices->count; i++) {
        snprintf(printer->text, sizeof printer->text, "%s %" PRIu32 ": %s", what, i,
                 shown(text, &slices->items[i]));
        printer->line(printer->context, printer->text);
    }
}

static void show_clocks(struct printer *printer, const struct image *image)
{
    static const char *const names[] = {"", "monotonic", "process", "thread"};
    for (uint32_t clock = CLOCK_MONO; clock <= CLOCK_THREAD; clock++) {
        if (!image->clocks[clock].asked)
            continue;
        snprintf(printer->text, sizeof printer->text, "%s clock: %" PRIu64 ".%09" PRIu64 " s",
                 names[clock], image->clocks[clock].reading / 1000000000u,
                 image->clocks[clock].reading % 1000000000u);
        printer->line(printer->context, printer->text);
    }
    if (image->waiting) {
        snprintf(printer->text, sizeof printer->text,
                 "in poll_oneoff, has waited %" PRIu64 ".%03" PRIu64 " s",
                 image->waited / 1000000000u, image->waited / 1000000u % 1000u);
        printer->line(printer->context, printer->text);
    }
}

static const char *flags_text(char to[64], uint16_t fdflags)
{
    snprintf(to, 64, "%s%s%s%s%s", fdflags & FDFLAG_APPEND ? ", append" : "",
             fdflags & FDFLAG_DSYNC ? ", dsync" : "", fdflags & FDFLAG_NONBLOCK ? ", nonblock" : "",
             fdflags & FDFLAG_RSYNC ? ", rsync" : "", fdflags & FDFLAG_SYNC ? ", sync" : "");
    return to;
}

static const char *access_text(uint64_t rights)
{
    bool reading = rights & RIGHT_FD_READ, writing = rights & RIGHT_FD_WRITE;
    return reading && writing ? "read and write" : writing ? "write" : reading ? "read" : "neither";
}

static void show_descriptor(struct printer *printer, const struct image *image,
                            const struct saved_descriptor *descriptor)
{
    static const char *const streams[] = {"standard input", "standard output", "standard error"};
    char path[256] = "", directory[256] = "", flags[64];
    char *text = printer->text;
    size_t size = sizeof printer->text;
    flags_text(flags, descriptor->fdflags);
    if (descriptor->source < image->preopens.count)
        shown(directory, &image->preopens.items[descriptor->source]);
    if (descriptor->path.data)
        shown(path, &descriptor->path);
    int length = snprintf(text, size, "descriptor %" PRIu32 ": ", descriptor->number);
    text += length;
    size -= (size_t)length;
    switch (descriptor->kind) {
    case DESCRIPTOR_STREAM: snprintf(text, size, "%s%s", streams[descriptor->source], flags); break;
    case DESCRIPTOR_PREOPEN: snprintf(text, size, "directory %s", directory); break;
    case DESCRIPTOR_FILE:
        snprintf(text, size, "file %.180s in %.180s, %s, offset %" PRIu64 "%s", path, directory,
                 access_text(descriptor->rights), descriptor->offset, flags);
        break;
    case DESCRIPTOR_DIRECTORY:
        snprintf(text, size, "directory %.200s in %.200s", path, directory);
        break;
    case DESCRIPTOR_CONNECTION: snprintf(text, size, "connection%s", flags); break;
    case DESCRIPTOR_LISTENER: snprintf(text, size, "listens on %s%s", path, flags); break;
    case DESCRIPTOR_CLOSED: break;
    }
    printer->line(printer->context, printer->text);
}

static void show_state(struct printer *printer, const struct state *state)
{
    snprintf(printer->text, sizeof printer->text,
             "descriptor %" PRIu32 " had a file of %" PRIu64 " bytes%s", state->descriptor,
             state->size, state->hash ? ", whose hash is known" : "");
    printer->line(printer->context, printer->text);
}

static void show_carried(struct printer *printer, const struct image *image,
                         const struct carried *carried)
{
    static const char *const kinds[] = {
        "", "directory", "file", "symbolic link", "deleted file", "removed directory"};
    char path[256], directory[256], size[40] = "";
    shown(path, &carried->path);
    shown(directory, &image->preopens.items[carried->preopen]);
    if (carried->bytes)
        snprintf(size, sizeof size, ", %" PRIu64 " bytes", carried->size);
    snprintf(printer->text, sizeof printer->text, "travels: %s %.180s in %.180s%s",
             kinds[carried->kind], path, directory, size);
    printer->line(printer->context, printer->text);
}

static bool describe_files(struct printer *printer, const struct image *image,
                           const struct wasi_sections *sections, struct error *error)
{
    struct baggage baggage;
    if (!baggage_read(&baggage, image, sections->files, sections->files_size, error))
        return false;
    for (uint32_t i = 0; i < baggage.nstates; i++)
        show_state(printer, &baggage.states[i]);
    for (uint32_t i = 0; i < baggage.ncarried; i++)
        show_carried(printer, image, &baggage.carried[i]);
    baggage_free(&baggage);
    return true;
}

bool wasi_describe(const struct wasi_sections *sections,
                   void (*line)(void *context, const char *text), void *context,
                   struct error *error)
{
    struct printer printer = {.line = line, .context = context};
    struct image image;
    if (!image_read(&image, sections->wasi, sections->wasi_size, error))
        return false;
    show_texts(&printer, "argument", &image.arguments);
    show_texts(&printer, "environment", &image.environment);
    show_texts(&printer, "preopen", &image.preopens);
    show_clocks(&printer, &image);
    for (uint32_t i = 0; i < image.ndescriptors; i++)
        show_descriptor(&printer, &image, &image.descriptors[i]);
    bool good = describe_files(&printer, &image, sections, error);
    image_free(&image);
    return good;
}
