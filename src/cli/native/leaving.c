/* leaving.c - a guest that came from another machine goes away again, or is kept for who asks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/native/keep.h"
#include "cli/native/lines.h"
#include "cli/native/receiver.h"
#include "cli/native/verdict.h"
#include "guest/hold.h"

#define EMBED_MAX 64u /* directories that travel in a snapshot */

/* ---- its snapshots */

/* Snapshot 0 has no base; each that follows, and "last", has the one before it. */
static bool check_names(const struct receiver *receiver, const struct wanted *wanted)
{
    char next[16] = "0", before[16] = "";
    if (!wanted->base[0])
        return strcmp(wanted->file, next) == 0 && !wanted->hold;
    snprintf(next, sizeof next, "%u", receiver->snapshots);
    snprintf(before, sizeof before, "%u", receiver->snapshots - 1);
    return receiver->snapshots && receiver->snapshots < SNAPSHOTS_MAX &&
           strcmp(wanted->base, before) == 0 &&
           strcmp(wanted->file, wanted->hold ? "last" : next) == 0;
}

static bool read_wanted(struct receiver *receiver, const char *lines, struct wanted *wanted)
{
    char number[24];
    bool good = file_value(lines, "file", wanted->file, sizeof wanted->file) &&
                file_value(lines, "base", wanted->base, sizeof wanted->base) &&
                (!file_value(lines, "files", number, sizeof number) ||
                 line_number(lines, "files") <= WASI_FILES_EMBED);
    wanted->hold = line_number(lines, "hold");
    wanted->embed_module = line_number(lines, "embed-module");
    wanted->files = line_number(lines, "files");
    if (!lines_list(lines, "embed", &wanted->embed, &receiver->error))
        return false;
    good = good && wanted->embed.count <= EMBED_MAX && check_names(receiver, wanted);
    return good || error_set(&receiver->error, ERROR_USAGE, "a snapshot that makes no sense");
}

static bool send_snapshot(struct receiver *receiver, const char *file, const struct taken *taken)
{
    char path[REGISTRY_PATH_MAX];
    struct buffer text = {0};
    line_put_number(&text, "size", taken->size);
    line_put_number(&text, "nanoseconds", taken->nanoseconds);
    line_put_number(&text, "age", wall_time() - taken->stopped);
    link_put_text(&receiver->link, MESSAGE_OK, &text);
    buffer_free(&text);
    if (!link_put_file(&receiver->link, incoming_path(&receiver->supervisor, file, path), NULL,
                       NULL, &receiver->error))
        return false;
    link_put(&receiver->link, MESSAGE_FILE, file, strlen(file));
    return true;
}

static bool take_snapshot(struct receiver *receiver, const struct wanted *wanted)
{
    struct taken taken;
    if ((!wanted->base[0] && !arriving_make_directory(receiver)) ||
        !receiver->place->kind->snapshot(receiver->place, wanted, &taken, &receiver->error))
        return false;
    receiver->stage = wanted->hold ? STAGE_HELD : STAGE_RUNS;
    receiver->snapshots++;
    while (wanted->hold && receiver_take_output(receiver)) /* comes before what it leaves as */
        receiver_flush(receiver);
    return send_snapshot(receiver, wanted->file, &taken);
}

bool leaving_snapshot(struct receiver *receiver, const struct message *message)
{
    struct wanted wanted = {0};
    bool good = read_wanted(receiver, (const char *)message->data, &wanted) &&
                take_snapshot(receiver, &wanted);
    lines_free(&wanted.embed);
    return good;
}

/* ---- it stays, or leaves */

bool leaving_resume(struct receiver *receiver, const struct message *message)
{
    (void)message;
    if (!receiver->place->kind->resume(receiver->place, &receiver->error))
        return false;
    registry_remove_incoming(&receiver->supervisor.entry);
    receiver->snapshots = 0;
    link_put(&receiver->link, MESSAGE_OK, NULL, 0);
    return true;
}

bool leaving_leave(struct receiver *receiver, const struct message *message)
{
    struct buffer *waiting = &receiver->supervisor.input.waiting;
    (void)message;
    receiver->place->kind->leave(receiver->place);
    input_take_back(&receiver->supervisor.input);
    for (size_t at = 0; at < waiting->size; at += PART_MAX)
        link_put(&receiver->link, MESSAGE_INPUT, waiting->data + at,
                 waiting->size - at < PART_MAX ? waiting->size - at : PART_MAX);
    link_put(&receiver->link, MESSAGE_OK, NULL, 0);
    receiver_flush(receiver);
    verdict_forget(receiver->token);
    receiver->finished = true;
    return true;
}

/* ---- nobody is there any more */

/* The guest is stopped, unless it is already, and its snapshots are made one. */
static bool keep(struct receiver *receiver)
{
    struct wanted wanted = {.file = "last", .hold = true, .embed_module = true};
    struct taken taken;
    return receiver->stage == STAGE_HELD ||
           (arriving_make_directory(receiver) &&
            receiver->place->kind->snapshot(receiver->place, &wanted, &taken, &receiver->error));
}

/* One that was not told to go never was here, and one that could not begin goes on there: that has
 * been said already, and nothing of it stays. */
void leaving_lost(struct receiver *receiver)
{
    struct place *place = receiver->place;
    if (!receiver->started)
        return;
    bool good = keep(receiver);
    while (receiver_take_output(receiver))
        ;
    if (good) {
        receiver->error.message[0] = 0;
        keep_snapshot(&receiver->supervisor, &receiver->error);
        receiver_settle(receiver, "%s", receiver->error.message);
    } else if (place->kind->has_ended(place)) {
        receiver_settle(receiver, "it ended with %d", place->kind->exit_code(place, stderr));
    } else {
        receiver_settle(receiver, "it could not be kept: %s", receiver->error.message);
    }
}
