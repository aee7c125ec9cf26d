/* proc_functions.c - ending, signals, yielding, randomness. */
#include <stdio.h>

#include "wasi/wasi_call.h"

outcome wasi_proc_exit(const struct call *call)
{
    call->execution->exit_code = arg32(call, 0);
    return OUTCOME_EXIT;
}

/* The preview's signals: those that end a program, by default, are traps, so that the user sees
 * where it happened; nobody could have installed a handler. */
outcome wasi_proc_raise(const struct call *call)
{
    static const char *const names[] = {
        "none", "HUP",  "INT",  "QUIT",   "ILL",  "TRAP",  "ABRT", "BUS",  "FPE",  "KILL", "USR1",
        "SEGV", "USR2", "PIPE", "ALRM",   "TERM", "CHLD",  "CONT", "STOP", "TSTP", "TTIN", "TTOU",
        "URG",  "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "POLL", "PWR",  "SYS"};
    enum { NONE = 0, CHLD = 16, CONT = 17, URG = 22, WINCH = 27, COUNT = 31 };
    _Static_assert(sizeof names / sizeof names[0] == COUNT, "signals of the preview");
    uint32_t signal = arg32(call, 0);
    if (signal >= COUNT)
        return ERRNO_INVAL;
    if (signal == NONE || signal == CHLD || signal == CONT || signal == URG || signal == WINCH)
        return ERRNO_SUCCESS;
    struct execution *execution = call->execution;
    execution->trap = TRAP_HOST;
    snprintf(execution->host_message, sizeof execution->host_message, "the guest raised signal %s",
             names[signal]);
    return OUTCOME_TRAP;
}

outcome wasi_sched_yield(const struct call *call)
{
    (void)call;
    return host_yield();
}

/* A lot of it is drawn in parts. One that was stopped goes on where it was when the guest does,
 * unless that is elsewhere: nobody can tell. */
outcome wasi_random_get(const struct call *call)
{
    enum { PART = 1 << 18 };
    struct wasi *wasi = call->wasi;
    uint32_t size = arg32(call, 1);
    uint8_t *data = guest_at(call, arg32(call, 0), size);
    wasi_errno error = data ? ERRNO_SUCCESS : ERRNO_FAULT;
    for (uint32_t part; !error && wasi->drawn < size; wasi->drawn += part) {
        part = size - wasi->drawn < PART ? size - wasi->drawn : PART;
        error = host_random(data + wasi->drawn, part);
        if (!error && part == PART && pace_ask(wasi)) {
            wasi->drawn += part;
            return OUTCOME_STOP;
        }
    }
    wasi->drawn = 0;
    return error;
}
