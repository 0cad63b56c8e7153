/* api_form: keeps what headers say of a body true, for every function that changes one. */
#ifndef EXTPROCD_PLUGIN_API_TXN_API_FORM_H
#define EXTPROCD_PLUGIN_API_TXN_API_FORM_H

#include <extproc/plugin.h>

struct turn;

/* In a headers phase: the body is going to change where it can, be it in this phase or later. 0,
 * -ENOMEM, -ENOSPC. */
int api_form_announce(struct turn *turn, enum extproc_change change);
/* The current bytes are being changed now; in a headers phase all of them are replaced. As
 * above. */
int api_form_change(struct turn *turn);
/* Before that, in a body phase: the header that has gone on and will be wrong, because no plugin
 * has announced a change. Absent: none. */
struct extproc_str api_form_forgotten(const struct turn *turn);

#endif
