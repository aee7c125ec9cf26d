// sleep [--time] COUNT MILLISECONDS: sleeps COUNT times (default 3) for MILLISECONDS (default 100),
// by nanosleep and by poll in turn, and says so after each. With --time it tells how long it took
// by the monotonic clock; the clock may never run backwards.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int timed = argc > 1 && strcmp(argv[1], "--time") == 0;
    argc -= timed, argv += timed;
    int count = argc > 1 ? atoi(argv[1]) : 3;
    int milliseconds = argc > 2 ? atoi(argv[2]) : 100;
    for (int i = 1; i <= count; i++) {
        double before = now();
        if (i % 2) {
            struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
            nanosleep(&t, NULL);
        } else {
            poll(NULL, 0, milliseconds);
        }
        double slept = now() - before;
        if (slept < milliseconds / 1000.0 - 0.002) {
            printf("sleep %d was too short: %.3f s\n", i, slept);
            return 1;
        }
        printf("sleep %d of %d: %d ms\n", i, count, milliseconds);
        if (timed)
            printf("  took %.3f s\n", slept);
        fflush(stdout);
    }
    return 0;
}
