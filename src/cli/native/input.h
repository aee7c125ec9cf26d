/* input.h - a pipe that is a guest's standard input, and what has not gone into it yet. */
#ifndef CLI_NATIVE_INPUT_H
#define CLI_NATIVE_INPUT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

struct input {
    int pipe[2]; /* both ends are ours too; -1: none, or the writing end is closed */
    struct buffer waiting;
    bool ended; /* nothing comes after what waits */
};

bool input_open(struct input *input, struct error *error);
void input_close(struct input *input);

/* Writes what goes without waiting; returns how much that was. */
size_t input_write(struct input *input);

/* What the guest has not read: everything comes to stand in `waiting`. */
void input_take_back(struct input *input);

#endif
