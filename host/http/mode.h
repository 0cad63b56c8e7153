/* mode: how the proxy sends a body, as a row of traits.
 *
 * What a mode means is asked here; a mode is not compared with a name.
 */
#ifndef EXTPROCD_HTTP_MODE_H
#define EXTPROCD_HTTP_MODE_H

#include <extproc/plugin.h>

#include <stdbool.h>

/* What a proxy can be set to. The numbers are fixed: who drives a session may hand them over. */
enum body_mode {
    BODY_MODE_NONE,
    BODY_MODE_STREAMED,
    BODY_MODE_BUFFERED,
    BODY_MODE_BUFFERED_PARTIAL,
    BODY_MODE_FULL_DUPLEX_STREAMED,
    BODY_MODE_GRPC,
    N_BODY_MODES,
    BODY_MODE_UNKNOWN = N_BODY_MODES /* neither the proxy nor the operator has said it */
};

/* Which messages a body comes in. */
enum mode_body {
    MODE_BODY_NEVER,
    MODE_BODY_CHUNKS,
    MODE_BODY_WHOLE,  /* one message has all of it */
    MODE_BODY_UNKNOWN /* the first body message will show it, or none will come */
};
enum mode_answers { MODE_ANSWERS_ONE, MODE_ANSWERS_MANY }; /* to a body message */
enum mode_built {
    MODE_BUILT_NOT,
    MODE_BUILT_BODILESS, /* as long as no body comes */
    MODE_BUILT
};

struct mode {
    const char *name; /* as the proxy's configuration spells it */
    enum mode_built built;
    enum mode_body body;
    bool holds_headers; /* the proxy does not send them on before the body was answered */
    enum mode_answers answers;
    enum body_mode acts_as; /* until a body comes: whose rules hold */
    enum extproc_body_mode shown;
};

extern const struct mode mode_rows[N_BODY_MODES + 1];
static inline const struct mode *mode_of(enum body_mode m)
{
    return &mode_rows[m];
}
static inline const char *body_mode_name(enum body_mode m)
{
    return mode_rows[m].name;
}

enum { MODES_TEXT = 96 };
/* Those that are built, for messages: "NONE, STREAMED and BUFFERED". */
void modes_built(char ret[static MODES_TEXT]);

/* The least mode that is sufficient: NONE, STREAMED or BUFFERED, in this order. */
enum body_mode mode_least(bool body, bool whole);
/* For a proxy that has not sent its mode: guesses it from the first body message. */
enum body_mode mode_guess(bool end);

#endif
