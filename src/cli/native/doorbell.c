#include "cli/native/doorbell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket's path has room for 107 characters, a registry's path is longer: so it goes by an open
 * descriptor of the directory. */
static int with_address(const struct registered *entry,
                        int (*use)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int directory = open(entry->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control", directory);
    int result = directory < 0 || socket_ < 0
                     ? -1
                     : use(socket_, (const struct sockaddr *)&address, sizeof address);
    int reason = errno;
    if (directory >= 0)
        close(directory);
    if (result != 0 && socket_ >= 0)
        close(socket_);
    errno = reason;
    return result == 0 ? socket_ : -1;
}

int doorbell_listen(const struct registered *entry)
{
    int listening = with_address(entry, bind);
    if (listening >= 0 && listen(listening, 4) != 0) {
        close(listening);
        return -1;
    }
    return listening;
}

int doorbell_connect(const struct registered *entry, struct error *error)
{
    int connection = with_address(entry, connect);
    if (connection < 0)
        error_set(error, ERROR_IO, "guest %s (pid %d) cannot be moved from here: %s", entry->name,
                  entry->pid,
                  errno == ENOENT ? "nothing looks after it on this machine" : strerror(errno));
    return connection;
}
