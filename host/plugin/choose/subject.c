/* subject: one table of them, and how a key names one. */
#include "plugin/choose/subject.h"

#include "base/rows.h"
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { REQUEST = EXTPROC_PHASE_REQUEST_HEADERS, RESPONSE = EXTPROC_PHASE_RESPONSE_HEADERS };

static const struct row {
    const char *word, *form; /* form: as messages show it */
    uint32_t reads;          /* of a message's headers; 0: what comes with any */
    bool named, folds;
} rows[N_SUBJECTS] = {
    [SUBJECT_PATH] = {"path", "path", REQUEST},
    [SUBJECT_QUERY] = {"query", "query.NAME", REQUEST, true},
    [SUBJECT_METHOD] = {"method", "method", REQUEST},
    [SUBJECT_AUTHORITY] = {"authority", "authority", REQUEST, false, true},
    [SUBJECT_SCHEME] = {"scheme", "scheme", REQUEST, false, true},
    [SUBJECT_HEADER] = {"header", "header.NAME", REQUEST, true},
    [SUBJECT_RESPONSE_HEADER] = {"response_header", "response_header.NAME", RESPONSE, true},
    [SUBJECT_STATUS] = {"status", "status", RESPONSE},
    [SUBJECT_ATTRIBUTE] = {"attribute", "attribute.NAME", 0, true},
    [SUBJECT_METADATA] = {"metadata", "metadata.NAMESPACE/KEY", 0, true},
    [SUBJECT_GRPC] = {"grpc", "grpc.NAME", 0, true},
    [SUBJECT_LISTENER] = {"listener", "listener", 0},
};
ROWS(rows, N_SUBJECTS, 12);

/* ---- reading --------------------------------------------------------------------------------- */

EXTPROC_PRINTF(3, 4)
static int refuse(struct arena *arena, const char **ret_why, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    *ret_why = arena_vformat(arena, fmt, ap).ptr;
    va_end(ap);
    return *ret_why ? -EINVAL : -ENOMEM;
}

static const struct row *find_row(struct extproc_str word)
{
    for (size_t i = 0; i < N_SUBJECTS; i++)
        if (str_eq_c(word, rows[i].word))
            return &rows[i];
    return NULL;
}

static int refuse_word(struct extproc_str word, struct arena *arena, const char **ret_why)
{
    const char *words[N_SUBJECTS], *text = arena_format(arena, "%.*s", EXTPROC_ARG(word)).ptr;
    if (!text)
        return -ENOMEM;
    for (size_t i = 0; i < N_SUBJECTS; i++)
        words[i] = rows[i].word;
    const char *nearest = str_nearest(text, words, N_SUBJECTS);
    const struct row *row = nearest ? find_row(extproc_str_of(nearest)) : NULL;
    if (row)
        return refuse(arena, ret_why, "unknown subject \"%s\" (did you mean %s?)", text, row->form);
    return refuse(arena, ret_why,
                  "unknown subject \"%s\": expected path, query.NAME, method, authority, scheme, "
                  "header.NAME, response_header.NAME, status, attribute.NAME, "
                  "metadata.NAMESPACE/KEY, grpc.NAME or listener",
                  text);
}

static bool is_header(enum subject_kind kind)
{
    return kind == SUBJECT_HEADER || kind == SUBJECT_RESPONSE_HEADER || kind == SUBJECT_GRPC;
}

/* The transports keep these to themselves: see transport_metadata(). */
static bool is_protocols(struct extproc_str name)
{
    return extproc_has_prefix(name, EXTPROC_S("grpc-")) || str_eq_c(name, "content-type") ||
           str_eq_c(name, "te");
}

static int check_name(const struct subject *s, struct arena *arena, const char **ret_why)
{
    if (is_header(s->kind) && !str_is_token(s->name))
        return refuse(arena, ret_why, "invalid name \"%.*s\" of a header", EXTPROC_ARG(s->name));
    if (s->kind == SUBJECT_GRPC && is_protocols(s->name))
        return refuse(arena, ret_why,
                      "\"%.*s\" belongs to gRPC itself: expected metadata that the proxy adds to "
                      "its streams",
                      EXTPROC_ARG(s->name));
    if (!extproc_is_utf8(s->name) || !extproc_is_utf8(s->space))
        return refuse(arena, ret_why, "the name is not UTF-8");
    return 0;
}

/* A copy with a NUL after it; of a header in lower case. */
static struct extproc_str copy_name(struct extproc_str name, bool lower, struct arena *arena)
{
    struct extproc_str copy = {NULL, name.len};
    char *text = arena_alloc(arena, name.len + 1);
    for (size_t i = 0; text && i < name.len; i++)
        text[i] = lower ? (char)tolower((unsigned char)name.ptr[i]) : name.ptr[i];
    if (text)
        text[name.len] = '\0';
    copy.ptr = text;
    return copy;
}

static int read_name(struct subject *s, struct extproc_str name, struct arena *arena,
                     const char **ret_why)
{
    struct extproc_str rest = name, space = {NULL, 0};
    bool is_metadata = s->kind == SUBJECT_METADATA;
    if (is_metadata && !extproc_split(&rest, '/', &space))
        rest = STR_ABSENT;
    if (!rest.ptr || rest.len == 0 || (is_metadata && space.len == 0))
        return refuse(arena, ret_why, "missing name: expected %s", rows[s->kind].form);
    s->name = copy_name(rest, is_header(s->kind), arena);
    s->space = is_metadata ? copy_name(space, false, arena) : EXTPROC_S("");
    return s->name.ptr && s->space.ptr ? check_name(s, arena, ret_why) : -ENOMEM;
}

int subject_read(struct extproc_str text, struct arena *arena, struct subject *ret,
                 const char **ret_why)
{
    struct extproc_str rest = text, word = {NULL, 0};
    if (!extproc_split(&rest, '.', &word) || word.len == 0)
        return refuse(arena, ret_why, "missing subject: expected for example path or header.NAME");
    const struct row *row = find_row(word);
    if (!row)
        return refuse_word(word, arena, ret_why);
    *ret = (struct subject){.kind = (enum subject_kind)(row - rows)};
    if (row->named)
        return read_name(ret, rest, arena, ret_why);
    if (rest.ptr)
        return refuse(arena, ret_why, "unexpected name \"%.*s\": expected %s", EXTPROC_ARG(rest),
                      row->form);
    return 0;
}

/* ---- what it is ------------------------------------------------------------------------------ */

bool subject_is_late(const struct subject *s, struct str_list late)
{
    if (s->kind != SUBJECT_ATTRIBUTE)
        return rows[s->kind].reads == RESPONSE;
    for (size_t i = 0; i < late.n; i++)
        if (extproc_has_prefix(s->name, late.strs[i]))
            return true;
    return false;
}

bool subject_folds(const struct subject *s)
{
    return rows[s->kind].folds;
}

uint32_t subject_reads(const struct subject *s)
{
    return rows[s->kind].reads;
}

int subject_wants(const struct subject *s, struct wants *wants, struct arena *arena)
{
    switch (s->kind) {
    case SUBJECT_ATTRIBUTE:
        return wants_add(wants, arena, WANT_ATTRIBUTE, s->name);
    case SUBJECT_METADATA:
        return wants_add(wants, arena, WANT_METADATA, s->space);
    case SUBJECT_GRPC:
        return wants_add(wants, arena, WANT_STREAM_METADATA, s->name);
    case SUBJECT_PATH:
    case SUBJECT_QUERY:
    case SUBJECT_METHOD:
    case SUBJECT_AUTHORITY:
    case SUBJECT_SCHEME:
    case SUBJECT_HEADER:
    case SUBJECT_RESPONSE_HEADER:
    case SUBJECT_STATUS:
    case SUBJECT_LISTENER:
    case N_SUBJECTS:
        break;
    }
    return 0;
}
