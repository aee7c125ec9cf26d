// A server of one connection at a time on the listening socket that its argument names (3): it
// sends back what it receives, tells what becomes of each connection, and ends with "quit".
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void lost(int connection)
{
    char byte = 0;
    printf("recv: %s\n", strerror(errno));
    printf("send: %s\n", send(connection, &byte, 1, 0) < 0 ? strerror(errno) : "sent");
    struct pollfd polled = {.fd = connection, .events = POLLIN};
    printf("poll: %d, %s\n", poll(&polled, 1, -1), polled.revents & POLLERR ? "error" : "no error");
}

static int serve(int connection)
{
    char text[1024];
    for (;;) {
        ssize_t size = recv(connection, text, sizeof text, 0);
        if (size < 0)
            lost(connection);
        else if (size == 0)
            printf("ended\n");
        if (size <= 0)
            return 0;
        if (size == 4 && memcmp(text, "quit", 4) == 0)
            return 1;
        for (ssize_t sent = 0, now; sent < size; sent += now)
            if ((now = send(connection, text + sent, (size_t)(size - sent), 0)) < 0)
                return 0;
    }
}

int main(int argc, char **argv)
{
    int listener = argc > 1 ? atoi(argv[1]) : 3;
    for (int done = 0; !done;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0) {
            printf("accept: %s\n", strerror(errno));
            return 1;
        }
        printf("connected\n");
        done = serve(connection);
        printf("close: %d\n", close(connection));
    }
    return 0;
}
