/* signals: what is asked of the process from outside: noted by a handler, taken by the loop. */
#ifndef EXTPROCD_PROCESS_RUN_SIGNALS_H
#define EXTPROCD_PROCESS_RUN_SIGNALS_H

/* From now on TERM and INT end the process, by their default action; HUP, USR1 and USR2 wait for
 * the loop.
 * *ret_fd is readable when there is a signal to take. 0 or -errno. */
int signals_init(int *ret_fd);
/* The loop begins: TERM and INT wait for it as well, whatever plugins made of signals in init(). */
void signals_serving(void);
/* The loop has ended: TERM and INT end the process immediately. */
void signals_ending(void);
/* In the loop, when the descriptor is readable: calls fn for each signal that has come. */
void signals_take(void (*fn)(void *arg, int signo), void *arg);

#endif
