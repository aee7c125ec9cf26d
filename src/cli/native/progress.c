#include "cli/progress.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clean.h"

#define WIDTH    30u
#define FIRST_AT 1      /* seconds */
#define EVERY    200000 /* microseconds */
#define MEGABYTE 1000000u
#define TENTH    (MEGABYTE / 10)

/* Read by the signal's handler; written while no timer runs, the amounts aside. */
static char label[64], watched[1100];
static bool forbidden, on;
static volatile sig_atomic_t drawn;
static _Atomic uint64_t done, total;
static struct timespec begun;

/* ---- in the handler: nothing but what may be called there */

static void put(char text[200], size_t *used, const char *what)
{
    for (; *what && *used < 199; what++)
        text[(*used)++] = *what;
}

static void put_number(char text[200], size_t *used, uint64_t number)
{
    char digits[24] = "";
    size_t at = sizeof digits - 1;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    put(text, used, digits + at);
}

static void put_megabytes(char text[200], size_t *used, uint64_t bytes)
{
    put_number(text, used, bytes / MEGABYTE);
    put(text, used, ".");
    put_number(text, used, bytes % MEGABYTE / TENTH);
}

static void put_bar(char text[200], size_t *used, uint64_t now, uint64_t whole, unsigned step)
{
    unsigned from = 0, to = 0;
    if (whole) {
        to = now >= whole ? WIDTH : (unsigned)(now * WIDTH / whole);
    } else {
        from = step % WIDTH;
        to = from + 4;
    }
    put(text, used, " [");
    for (unsigned i = 0; i < WIDTH; i++)
        put(text, used, i >= from && i < to ? "#" : "-");
    put(text, used, "] ");
}

static void draw(int number)
{
    int reason = errno;
    char text[200];
    size_t used = 0;
    struct timespec now;
    struct stat file;
    uint64_t bytes = atomic_load(&done), whole = atomic_load(&total);
    (void)number;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (watched[0])
        bytes = stat(watched, &file) == 0 ? (uint64_t)file.st_size : 0;
    put(text, &used, "\r");
    put(text, &used, label);
    put_bar(text, &used, bytes, whole, (unsigned)drawn);
    if (bytes) {
        put_megabytes(text, &used, bytes);
        if (whole)
            put(text, &used, " of ");
        if (whole)
            put_megabytes(text, &used, whole);
        put(text, &used, " MB, ");
    }
    put_number(text, &used, (uint64_t)(now.tv_sec - begun.tv_sec));
    put(text, &used, " s\033[K\r");
    (void)!write(STDERR_FILENO, text, used);
    drawn = drawn + 1;
    errno = reason;
}

/* ---- outside of it */

static void set_timer(bool runs)
{
    struct itimerval timer = {{0, 0}, {0, 0}};
    if (runs)
        timer = (struct itimerval){{0, EVERY}, {FIRST_AT, 0}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

void progress_begin(const char *format, ...)
{
    struct sigaction action = {.sa_handler = draw, .sa_flags = SA_RESTART};
    va_list list;
    progress_end();
    if (forbidden || !isatty(STDERR_FILENO))
        return;
    va_start(list, format);
    vsnprintf(label, sizeof label, format, list);
    va_end(list);
    clean_string(label);
    watched[0] = 0;
    atomic_store(&done, 0);
    atomic_store(&total, 0);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    on = true;
    sigaction(SIGALRM, &action, NULL);
    set_timer(true);
}

void progress_end(void)
{
    static const char clear[] = "\033[K";
    if (!on)
        return;
    set_timer(false);
    signal(SIGALRM, SIG_DFL);
    on = false;
    if (drawn)
        (void)!write(STDERR_FILENO, clear, sizeof clear - 1);
    drawn = 0;
}

void progress_set(uint64_t done_, uint64_t total_)
{
    atomic_store(&done, done_);
    atomic_store(&total, total_);
}

void progress_watch(const char *path, uint64_t total_)
{
    if (!on)
        return;
    sigset_t alarm, before;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    sigprocmask(SIG_BLOCK, &alarm, &before);
    snprintf(watched, sizeof watched, "%s", path);
    atomic_store(&total, total_);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

bool progress_is_on(void)
{
    return on;
}

void progress_forbid(void)
{
    progress_end();
    forbidden = true;
}
