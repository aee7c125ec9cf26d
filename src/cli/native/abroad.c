#include "cli/native/abroad.h"
bool abroad_open(struct place *place, const char *target, const char *host, const char *lines,
                 struct error *error)
{
    (void)place;(void)host;(void)lines;
    return error_set(error, ERROR_USAGE, "--to %s: not yet", target);
}
void abroad_close(struct place *place){(void)place;}
void abroad_signal(struct place *place, int number){(void)place;(void)number;}
nfds_t abroad_waits(struct supervisor *supervisor, struct pollfd *waits, int *timeout){(void)supervisor;(void)waits;(void)timeout;return 0;}
void abroad_service(struct supervisor *supervisor){(void)supervisor;}
void supervisor_streams(struct supervisor *supervisor, int streams[3]){(void)supervisor;(void)streams;}
