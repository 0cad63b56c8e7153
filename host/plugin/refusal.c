/* refusal: kept as text, because what a call was about may be gone when its callback returns; in
 * place, because a callback may be refused as often as it likes. */
#include "plugin/refusal.h"

#include "base/config/config.h"

#include <stdio.h>
#include <string.h>

enum { SUBJECT_MAX = 80 };

static struct extproc_str shown(const struct config_section *section, struct extproc_str text)
{
    return config_hides(section, text) ? EXTPROC_S("(hidden)") : text;
}

static void set_key(struct refusal *refusal, struct extproc_str key)
{
    snprintf(refusal->key, sizeof refusal->key, "%.*s", EXTPROC_ARG(key));
}

void refusal_of_call(struct refusal *refusal, const struct config_section *section,
                     const char *call, struct extproc_str subject, const char *why)
{
    if (!refusal || refusal->said)
        return;
    const char *cut = subject.len > SUBJECT_MAX ? "..." : "", *quote = subject.ptr ? "\"" : "";
    subject = shown(section, subject);
    if (subject.len > SUBJECT_MAX)
        subject.len = SUBJECT_MAX;
    set_key(refusal, extproc_str_of(call));
    snprintf(refusal->text, sizeof refusal->text, "%s(%s%.*s%s%s): %s", call, quote,
             EXTPROC_ARG(subject), cut, quote, why);
}

void refusal_of_plugin(struct refusal *refusal, const struct config_section *section,
                       struct extproc_str key, struct extproc_str text)
{
    if (!refusal)
        return;
    set_key(refusal, key.ptr ? key : text);
    snprintf(refusal->text, sizeof refusal->text, "%.*s", EXTPROC_ARG(shown(section, text)));
    refusal->said = true;
}
