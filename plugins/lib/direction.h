/* direction: a transaction's two messages, for plugins that do the same to both: an array of
 * N_DIRECTIONS has the place extproc_is_response(x). */
#ifndef EXTPROC_LIB_DIRECTION_H
#define EXTPROC_LIB_DIRECTION_H

enum direction { REQUEST, RESPONSE, N_DIRECTIONS };

static const char *const direction_names[N_DIRECTIONS] = {"request", "response"};

#endif
