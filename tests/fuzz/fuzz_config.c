/* fuzz_config: any text -> the ini reader, and a table of keys of every type over what it read.
 *
 * The text is a file in a folder of its own. Slashes are taken out of it, so what it includes or
 * quotes is itself or nothing, and not whatever this machine has.
 */
#include "base/keys/keys.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fuzz_config.XXXXXX";
static char file[sizeof folder + sizeof "/it.ini"];

static const struct extproc_key keys[] = {
    {"text", EXTPROC_KEY_TYPE_STR, EXTPROC_KEY_REQUIRED, NULL, NULL, "a text"},
    {"list", EXTPROC_KEY_TYPE_STR, EXTPROC_KEY_LIST, "a", NULL, "several"},
    {"number", EXTPROC_KEY_TYPE_INT, 0, "1", NULL, "a number"},
    {"switch", EXTPROC_KEY_TYPE_BOOL, 0, "no", NULL, "on or off"},
    {"time", EXTPROC_KEY_TYPE_DURATION, 0, "1s", NULL, "a time"},
    {"size", EXTPROC_KEY_TYPE_SIZE, 0, "1k", NULL, "a size"},
    {"choice", EXTPROC_KEY_TYPE_CHOICE, EXTPROC_KEY_LIST, "one", "one|two", "one of two"},
    {"secret", EXTPROC_KEY_TYPE_STR, EXTPROC_KEY_SECRET, NULL, NULL, "a secret"},
    {NULL},
};

static void folder_remove(void)
{
    unlink(file);
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (!mkdtemp(folder))
        abort();
    snprintf(file, sizeof file, "%s/it.ini", folder);
    return atexit(folder_remove);
}

static void file_write(const uint8_t *data, size_t size)
{
    FILE *out = fopen(file, "w");
    if (!out)
        abort();
    for (size_t i = 0; i < size; i++)
        fputc(data[i] == '/' ? '_' : data[i], out);
    fclose(out);
}

static bool knows(const char *section_type, const char *key, void *arg)
{
    for (const struct extproc_key *k = keys; k->name; k++) {
        if (strcmp(k->name, key) == 0)
            return true;
    }
    return false;
}

static void check_section(struct config_section *section, struct arena *arena,
                          struct config_errors *errors)
{
    struct keys_table table = {keys, sizeof *keys};
    struct keys checked;
    bool good = keys_check(section, table, arena, errors, &checked);
    keys_unknown(section, &table, 1, errors);
    assert(good || errors->n_errors > 0);
    if (good)
        assert(keys_text(&checked, "text").ptr && keys_number(&checked, "size") >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_errors errors = {0};
    struct config *config = NULL;
    struct arena arena;
    file_write(data, size);
    arena_init(&arena, 4096);
    config_read(file, knows, NULL, &errors, &config);
    assert(config);
    for (size_t i = 0; i < config->n_sections; i++)
        check_section(&config->sections[i], &arena, &errors);
    for (size_t i = 0; i < errors.n_lines; i++)
        assert(strlen(errors.lines[i]) > 0);
    config_errors_fini(&errors);
    config_free(config);
    arena_fini(&arena);
    return 0;
}
