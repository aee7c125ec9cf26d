/* streams.h - standard streams that are there; native only. */
#ifndef BASE_STREAMS_H
#define BASE_STREAMS_H

/* Opens /dev/null for each of the three that is closed. To be called before anything is opened:
 * else a file or pipe of this program becomes what the guest reads and writes. */
void streams_open(void);

#endif
