/* bare_listen: the command line of the bare servers, and the socket it asks for. */
#ifndef BENCH_BARE_LISTEN_H
#define BENCH_BARE_LISTEN_H

/* [PORT] on 127.0.0.1, where 0 or none takes a free one, or unix:PATH. Prints where it listens. */
int bare_listen(int argc, char **argv);

#endif
