/* handle_private: the steps of a call, for calls in the pool (apart.c). */
#ifndef EXTPROCD_PLUGIN_RUN_HANDLE_PRIVATE_H
#define EXTPROCD_PLUGIN_RUN_HANDLE_PRIVATE_H

#include "plugin/run/handle.h"

/* The plugin of turn->place is about to be called, in turn->phase. */
struct handle *handle_enter(struct turn *turn);
/* The same, with all that it may change marked. */
struct handle *handle_begin(struct turn *turn, uint16_t place, enum phase phase);
/* open() has returned r. CONTINUE or FAIL. */
enum extproc_action handle_opened(struct handle *h, int r);
/* Is a body what the plugin needs, and the operator? CONTINUE or FAIL. */
enum extproc_action handle_check_needs(struct handle *h, const struct turn *turn);
/* What its callback has returned; failure: what that is where it is none of the others. */
enum extproc_action handle_judge(struct handle *h, const struct turn *turn,
                                 enum extproc_action action, enum failure failure);
/* The call is over, with an action that was judged. */
enum extproc_action handle_leave(struct handle *h, enum extproc_action action);

/* "open", "close", or the phase. */
const char *handle_where(const struct handle *h);
/* Notes why the instance is of no use here, and logs it. FAIL. */
EXTPROC_PRINTF(3, 4)
enum extproc_action handle_failed(struct handle *h, enum failure failure, const char *fmt, ...);

#endif
