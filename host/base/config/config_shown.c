/* config_shown: what may be said of a value that must not be seen.
 *
 * A value that came out of the environment or of another file, or that a key calls a secret, may be
 * one; so it is nowhere quoted, not even where it is wrong. Code that quotes a value asks here.
 * Code that forgets to (a plugin has words of its own) is found out by comparing: a text that has a
 * piece of what is hidden is cut down to the words of its format.
 */
#include "base/config/config_private.h"
#include "base/str.h"

#include <stdint.h>
#include <string.h>

enum {
    PIECE_MIN = 4, /* fewer bytes in a row are a coincidence */
    QUOTED_MAX = 256
};

#define HIDDEN "(hidden)"

struct extproc_str config_shown(const struct config_entry *entry, struct extproc_str text)
{
    return entry && entry->hidden ? EXTPROC_S(HIDDEN) : text;
}

const char *config_quote(struct arena *arena, const struct config_entry *entry,
                         struct extproc_str text)
{
    if (entry && entry->hidden)
        return HIDDEN;
    const char *cut = text.len > QUOTED_MAX ? "..." : "";
    if (text.len > QUOTED_MAX)
        text.len = QUOTED_MAX;
    const char *quoted = arena_format(arena, "\"%.*s%s\"", EXTPROC_ARG(text), cut).ptr;
    return quoted ? quoted : "(out of memory)";
}

/* ---- finding --------------------------------------------------------------------------------- */

/* A set of pieces, as a hash of each. One that is found by mistake hides a text that could be
 * seen. */
struct pieces {
    uint64_t bits[1024];
};

static unsigned piece_bit(const char *at)
{
    uint32_t h = 0;
    for (size_t i = 0; i < PIECE_MIN; i++)
        h = h * 31 + (unsigned char)extproc_lower(at[i]);
    return h * 2654435761u >> 16;
}

/* Have they some bytes in a row in common, whatever their case? */
static bool share_piece(struct extproc_str value, struct extproc_str text)
{
    struct pieces pieces = {{0}};
    for (size_t i = 0; i + PIECE_MIN <= value.len; i++) {
        unsigned bit = piece_bit(value.ptr + i);
        pieces.bits[bit / 64] |= UINT64_C(1) << bit % 64;
    }
    for (size_t i = 0; i + PIECE_MIN <= text.len; i++) {
        unsigned bit = piece_bit(text.ptr + i);
        if (pieces.bits[bit / 64] >> bit % 64 & 1)
            return true;
    }
    return false;
}

/* For the text's own entry, a piece of its value is enough; the value of another entry would be
 * complete. */
bool config_reveals(const struct config_section *section, const struct config_entry *entry,
                    const char *text)
{
    struct extproc_str all = extproc_str_of(text);
    if (entry && entry->hidden && share_piece(entry->value, all))
        return true;
    for (size_t i = 0; section && i < section->n_entries; i++) {
        const struct config_entry *other = &section->entries[i];
        if (other->hidden && other->value.len >= PIECE_MIN &&
            memmem(all.ptr, all.len, other->value.ptr, other->value.len))
            return true;
    }
    return false;
}

/* What was put into a value: what is left of it without the ends that may be seen. */
static struct extproc_str put_in(const struct config_entry *entry)
{
    struct extproc_str v = entry->value, shown = entry->shown;
    while (v.len > 0 && shown.len > 0 && *v.ptr == *shown.ptr)
        v.ptr++, v.len--, shown.ptr++, shown.len--;
    while (v.len > 0 && shown.len > 0 && v.ptr[v.len - 1] == shown.ptr[shown.len - 1])
        v.len--, shown.len--;
    return v;
}

static bool contains_nocase(struct extproc_str all, struct extproc_str part)
{
    for (size_t i = 0; part.len > 0 && i + part.len <= all.len; i++) {
        if (extproc_eq_nocase((struct extproc_str){all.ptr + i, part.len}, part))
            return true;
    }
    return false;
}

bool config_hides(const struct config_section *section, struct extproc_str text)
{
    for (size_t i = 0; section && i < section->n_entries; i++) {
        struct extproc_str secret = {NULL, 0};
        if (section->entries[i].hidden)
            secret = put_in(&section->entries[i]);
        if (contains_nocase(text, secret) || contains_nocase(secret, text))
            return true;
    }
    return false;
}

/* ---- hiding ---------------------------------------------------------------------------------- */

void config_print_words(FILE *out, const char *fmt)
{
    static const char between[] = "-+ #0123456789.*'hljztL"; /* the percent sign and its letter */
    if (strcmp(fmt, "%s") == 0 || strcmp(fmt, "%.*s") == 0) {
        fputs("invalid value " HIDDEN, out);
        return;
    }
    for (const char *at = fmt; *at; at++) {
        if (*at != '%') {
            fputc(*at, out);
            continue;
        }
        at += 1 + strspn(at + 1, between);
        if (*at == '%')
            fputc('%', out);
        else
            fputs(HIDDEN, out);
        if (!*at)
            return;
    }
}
