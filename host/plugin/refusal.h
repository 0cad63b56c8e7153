/* refusal: why a callback fails: the last call of the SDK that was refused in it, or what the
 * plugin says. */
#ifndef EXTPROCD_PLUGIN_REFUSAL_H
#define EXTPROCD_PLUGIN_REFUSAL_H

#include <extproc/plugin.h>

#include <stdarg.h>

struct config_section;

enum { REFUSAL_TEXT = 256, REFUSAL_KEY = 32 };

/* All zero: there is none. */
struct refusal {
    bool said;             /* by the plugin: no refused call takes its place */
    char key[REFUSAL_KEY]; /* for the limit of repeated lines */
    char text[REFUSAL_TEXT];
};

/* Begins a callback. */
static inline void refusal_forget(struct refusal *refusal)
{
    refusal->said = false;
    refusal->text[0] = '\0';
}

/* A call was refused: `call("subject"): why`. The subject is not shown if the section hides it.
 * subject absent: there is none; refusal NULL: the caller does not need the text. */
void refusal_of_call(struct refusal *refusal, const struct config_section *section,
                     const char *call, struct extproc_str subject, const char *why);
/* The plugin's own reason. key absent: the text. */
void refusal_of_plugin(struct refusal *refusal, const struct config_section *section,
                       struct extproc_str key, struct extproc_str text);

#endif
