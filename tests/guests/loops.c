// loops SHAPE ROUNDS [PATH]: a program that hardly computes, in one of the shapes below, and tells
// at its end what came of it. PATH is a file, or a FIFO.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { LARGE = 1 << 26 };

static char large[LARGE];
static unsigned long sum;

static void rest(long milliseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000}, NULL);
}

static void sleep1(const char *path)
{
    (void)path;
    rest(1);
}

static void sleep20(const char *path)
{
    (void)path;
    rest(20);
}

static void sleep49(const char *path)
{
    (void)path;
    rest(49);
}

static void poll30(const char *path)
{
    (void)path;
    sum += (unsigned)poll(&(struct pollfd){.fd = 0, .events = POLLIN}, 1, 30);
}

static void line20(const char *path)
{
    (void)path;
    printf("a line\n");
    fflush(stdout);
    rest(20);
}

static void reads(const char *path)
{
    (void)path;
    if (read(0, large, 1) != 1)
        exit(3);
    sum += (unsigned char)large[0];
}

static void writes(const char *path)
{
    (void)path;
    if (write(1, large, 1 << 16) <= 0)
        exit(3);
}

static void fifo(const char *path)
{
    int file = open(path, O_RDONLY);
    if (file < 0)
        exit(3);
    for (ssize_t size; (size = read(file, large, 100)) > 0;)
        sum += (unsigned long)size;
    close(file);
}

static void yields(const char *path)
{
    (void)path;
    sched_yield();
}

static void clocks(const char *path)
{
    struct timespec now;
    (void)path;
    clock_gettime(CLOCK_MONOTONIC, &now);
}

static void files(const char *path)
{
    char text[16] = "";
    int file = open(path, O_RDWR | O_CREAT, 0600);
    if (file < 0 || write(file, "some text", 9) != 9 || lseek(file, 0, SEEK_SET) != 0 ||
        read(file, text, 9) != 9)
        exit(3);
    sum += strlen(text);
    close(file);
}

/* Calls that move much at once. */
static void moves(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (size_t done = 0; done < LARGE;) {
        ssize_t size = write(file, large + done, LARGE - done);
        if (size <= 0)
            exit(3);
        done += (size_t)size;
    }
    memset(large, (int)sum & 0x7F, LARGE);
    lseek(file, 0, SEEK_SET);
    for (ssize_t size; (size = read(file, large, LARGE)) > 0;)
        sum += (unsigned long)size;
    close(file);
}

static void draws(const char *path)
{
    (void)path;
    if (getentropy(large, 256) != 0)
        exit(3);
}

static void computes(const char *path)
{
    (void)path;
    for (unsigned i = 0; i < 100000; i++)
        sum = sum * 31 + i;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*round)(const char *path);
    } shapes[] = {{"sleep1", sleep1}, {"sleep20", sleep20}, {"sleep49", sleep49},
                  {"poll30", poll30}, {"line20", line20},   {"read", reads},
                  {"write", writes},  {"fifo", fifo},       {"yield", yields},
                  {"clock", clocks},  {"files", files},     {"large", moves},
                  {"random", draws},  {"compute", computes}};
    const char *path = argc > 3 ? argv[3] : "";
    for (size_t i = 0; argc > 2 && i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(shapes[i].name, argv[1]) != 0)
            continue;
        long rounds = atol(argv[2]);
        for (long round = 0; round < rounds; round++)
            shapes[i].round(path);
        fprintf(stderr, "%s: %ld rounds, %lu\n", argv[1], rounds, sum);
        return 0;
    }
    fprintf(stderr, "usage: loops SHAPE ROUNDS [PATH]\n");
    return 2;
}
