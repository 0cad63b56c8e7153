/* mode: the rows, one for each way of sending a body. */
#include "http/mode.h"

#include "base/rows.h"

#include <assert.h>
#include <stdio.h>

const struct mode mode_rows[N_BODY_MODES + 1] = {
    [BODY_MODE_NONE] =
        {
            .name = "NONE",
            .built = MODE_BUILT,
            .body = MODE_BODY_NEVER,
            .acts_as = BODY_MODE_NONE,
            .shown = EXTPROC_BODY_MODE_NONE,
        },
    [BODY_MODE_STREAMED] =
        {
            .name = "STREAMED",
            .built = MODE_BUILT,
            .body = MODE_BODY_CHUNKS,
            .acts_as = BODY_MODE_STREAMED,
            .shown = EXTPROC_BODY_MODE_STREAMED,
        },
    [BODY_MODE_BUFFERED] =
        {
            .name = "BUFFERED",
            .built = MODE_BUILT,
            .body = MODE_BODY_WHOLE,
            .holds_headers = true,
            .acts_as = BODY_MODE_BUFFERED,
            .shown = EXTPROC_BODY_MODE_WHOLE,
        },
    [BODY_MODE_BUFFERED_PARTIAL] =
        {
            .name = "BUFFERED_PARTIAL",
            .built = MODE_BUILT_NOT,
            .body = MODE_BODY_CHUNKS,
            .holds_headers = true,
            .acts_as = BODY_MODE_BUFFERED_PARTIAL,
            .shown = EXTPROC_BODY_MODE_PARTIAL,
        },
    [BODY_MODE_FULL_DUPLEX_STREAMED] =
        {
            .name = "FULL_DUPLEX_STREAMED",
            .built = MODE_BUILT_NOT,
            .body = MODE_BODY_CHUNKS,
            .holds_headers = true,
            .answers = MODE_ANSWERS_MANY,
            .acts_as = BODY_MODE_FULL_DUPLEX_STREAMED,
            .shown = EXTPROC_BODY_MODE_FULL_DUPLEX,
        },
    /* Proxies that say it and then send no body are served. */
    [BODY_MODE_GRPC] =
        {
            .name = "GRPC",
            .built = MODE_BUILT_BODILESS,
            .body = MODE_BODY_NEVER,
            .acts_as = BODY_MODE_NONE,
            .shown = EXTPROC_BODY_MODE_NONE,
        },
    [BODY_MODE_UNKNOWN] =
        {
            .name = "unknown",
            .built = MODE_BUILT,
            .body = MODE_BODY_UNKNOWN,
            .acts_as = BODY_MODE_UNKNOWN,
            .shown = EXTPROC_BODY_MODE_STREAMED,
        },
};
ROWS(mode_rows, N_BODY_MODES, 6);

static bool is_built(enum body_mode mode)
{
    return mode_rows[mode].built == MODE_BUILT;
}

void modes_built(char ret[static MODES_TEXT])
{
    enum body_mode last = N_BODY_MODES - 1;
    int len = 0;
    while (!is_built(last))
        last--;
    for (enum body_mode mode = 0; mode <= last; mode++) {
        const char *before = len == 0 ? "" : mode == last ? " and " : ", ";
        if (is_built(mode))
            len +=
                snprintf(ret + len, MODES_TEXT - (size_t)len, "%s%s", before, body_mode_name(mode));
    }
    assert(len < MODES_TEXT); /* all names together are shorter */
}

enum body_mode mode_least(bool body, bool whole)
{
    if (!body)
        return BODY_MODE_NONE;
    return whole ? BODY_MODE_BUFFERED : BODY_MODE_STREAMED;
}

enum body_mode mode_guess(bool end)
{
    return end ? BODY_MODE_BUFFERED : BODY_MODE_STREAMED;
}
