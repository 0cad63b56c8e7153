/* The SDK's conveniences: memory of either life, texts, templates, log lines. */
#include "plugin/template/template.h"
#include "scene.h"

#include <stdint.h>

/* ---- memory ---------------------------------------------------------------------------------- */

static enum extproc_action remember(struct extproc_txn *x)
{
    int *counter = x->ctx;
    if (!counter)
        counter = x->ctx = extproc_alloc(x, sizeof *counter);
    note(x, "%d ", (*counter)++);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_comfort, keeps_zeroed_memory_for_the_transaction)
{
    SCENE(s, {.name = "a", .request_headers = remember, .request_body = remember});

    play_request(&s);
    play_body(&s, PHASE_REQUEST_BODY, false, "1");
    play_body(&s, PHASE_REQUEST_BODY, true, "2");
    cr_assert_str_eq(s.journal, "0 1 2 ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action use_memory(struct extproc_txn *x)
{
    char *scratch = extproc_scratch(x, 3);
    cr_assert_eq((uintptr_t)scratch % _Alignof(max_align_t), 0);
    memset(scratch, 1, 3);
    cr_assert_eq((uintptr_t)extproc_alloc(x, 3) % _Alignof(max_align_t), 0);
    cr_assert_null(extproc_alloc(x, SIZE_MAX));
    cr_assert_null(extproc_scratch(x, SIZE_MAX));
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_comfort, returns_aligned_memory_or_null)
{
    SCENE(s, {.name = "a", .request_headers = use_memory});

    play_request(&s);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- texts ----------------------------------------------------------------------------------- */

static struct extproc_template *greeting;

static enum extproc_action write_texts(struct extproc_txn *x)
{
    assert_str(extproc_format(x, "%s-%d", "a", 1), "a-1");
    assert_str(extproc_expand(x, greeting), "path /");
    cr_assert_null(extproc_expand(x, NULL).ptr);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_comfort, writes_texts)
{
    SCENE(s, {.name = "a", .request_headers = write_texts});
    const char *why;
    cr_assert_eq(template_compile(EXTPROC_S("path %REQ(:path)%"), (struct str_list){0}, &s.memory,
                                  &greeting, &why),
                 0);

    play_request(&s);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- the log --------------------------------------------------------------------------------- */

static enum extproc_action say(struct extproc_txn *x)
{
    extproc_log(x, EXTPROC_LEVEL_WARN, "in %s", "a phase");
    extproc_log(x, (enum extproc_level)99, "louder than loud");
    extproc_instance_log(x->instance, EXTPROC_LEVEL_INFO, "out of %s", "any");
    return EXTPROC_ACTION_CONTINUE;
}

static const char *line_with(struct scene *s, const char *what)
{
    const char *log = scene_log(s), *at = strstr(log, what);
    cr_assert_not_null(at, "%s", log);
    while (at > log && at[-1] != '\n')
        at--;
    return arena_format(&s->memory, "%.*s", (int)strcspn(at, "\n"), at).ptr;
}

Test(api_comfort, logs_where_a_line_comes_from)
{
    SCENE(s, {.name = "talker", .response_headers = say});
    play_request(&s);
    play_response(&s);

    const char *line = line_with(&s, "in a phase");
    cr_assert(strstr(line, "talker") && strstr(line, "response_headers") && strstr(line, "id-1"),
              "%s", line);
    line_with(&s, "louder than loud");
    line = line_with(&s, "out of any");
    cr_assert(strstr(line, "talker") && !strstr(line, "id-1"), "%s", line);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}
