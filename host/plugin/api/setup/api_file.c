/* api_file: the functions of the SDK table that read files and append to them.
 *
 * Files are opened by base/file's rules, so no plugin can make a start wait; what is appended goes
 * through the service's writer.
 */
#include "plugin/api/setup/api_file.h"

#include "base/config/config.h"
#include "base/file.h"
#include "base/log/output.h"
#include "base/log/writer.h"
#include "base/str.h"
#include "plugin/instance.h"

#include <stdlib.h>

enum { QUEUE_SIZE = 4 * 1024 * 1024 };

static struct instance *instance_of(struct extproc_instance *instance)
{
    return (struct instance *)instance; /* `pub` is its first member */
}

/* A path, and how messages may show it. */
struct path {
    const char *text, *shown;
};

typedef const char *locate_fn(struct arena *arena, const struct config_entry *entry,
                              const char *path);

/* What a key's i-th value names. text NULL: it is absent, which is reported, or this is not
 * init(). */
static struct path path_of(struct extproc_instance *instance, const char *key, size_t i,
                           locate_fn *locate)
{
    struct instance *in = instance_of(instance);
    const struct keys_slot *slot = in->errors && key ? keys_find(&in->keys, key) : NULL;
    const struct keys_value *value = slot && i < slot->n_values ? &slot->values[i] : NULL;
    if (value && slot->key->type == EXTPROC_KEY_TYPE_PATH) /* located already */
        return (struct path){value->text.ptr,
                             value->entry ? value->entry->shown.ptr : value->text.ptr};
    if (value && value->text.len > 0)
        return (struct path){
            locate(&in->arena, config_origin(in->section, value->entry), value->text.ptr),
            value->entry ? value->entry->shown.ptr : value->text.ptr};
    extproc_conf_refuse(instance, key, i, "expected the path of a file");
    return (struct path){0};
}

/* ---- reading --------------------------------------------------------------------------------- */

struct extproc_str api_read_file(struct extproc_instance *instance, const char *key, size_t i,
                                 size_t max)
{
    struct path path = path_of(instance, key, i, config_path);
    struct file_bytes bytes;
    char why[FILE_WHY];
    if (!path.text)
        return STR_ABSENT;
    if (file_read(path.text, FILE_REGULAR, max, &bytes, why) < 0) {
        extproc_conf_refuse(instance, key, i, "cannot read %s: %s", path.shown, why);
        return STR_ABSENT;
    }
    char *copy = arena_alloc(&instance_of(instance)->arena, bytes.len + 1);
    if (copy)
        memcpy(copy, bytes.ptr, bytes.len + 1);
    else
        extproc_conf_refuse(instance, key, i, "cannot read %s: out of memory", path.shown);
    free(bytes.ptr);
    return (struct extproc_str){copy, copy ? bytes.len : 0};
}

/* ---- appending ------------------------------------------------------------------------------- */

static int open_output(const struct instance *in, struct path path, struct output **ret,
                       char why[static FILE_WHY])
{
    const struct plugin_env *env = in->env;
    struct output_options options = {
        .path = path.text, .shown = path.shown, .what = "lines", .size = QUEUE_SIZE};
    if (in->pub.testing || !env->writer)
        return output_check(path.text, why);
    if (env->metrics)
        options.dropped = metrics_define(
            env->metrics,
            &(struct metric_definition){
                .name = "file_lines_dropped",
                .help = "Lines of plugins that did not fit into the queue of their file."});
    return writer_open(env->writer, &options, ret, why);
}

struct extproc_file *api_file(struct extproc_instance *instance, const char *key, size_t i)
{
    struct instance *in = instance_of(instance);
    struct path path = path_of(instance, key, i, output_path);
    char why[FILE_WHY] = "out of memory";
    if (!path.text)
        return NULL;
    struct instance_file *file = arena_zalloc(&in->arena, sizeof *file);
    if (!file || open_output(in, path, &file->output, why) < 0) {
        extproc_conf_refuse(instance, key, i, "cannot open %s: %s", path.shown, why);
        return NULL;
    }
    file->head.api = instance->api;
    file->next = in->files;
    in->files = file;
    return &file->head;
}

int api_file_append(struct extproc_file *f, struct extproc_str line)
{
    struct output *output = ((struct instance_file *)f)->output;
    if (!line.ptr)
        return -EINVAL;
    return !output || writer_append(output, line) ? 0 : -ENOSPC;
}
