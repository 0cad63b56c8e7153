/* api_file: the functions of the SDK table that read files and append to them. Each is documented
 * in the SDK header, under its name there.
 */
#ifndef EXTPROCD_PLUGIN_API_SETUP_API_FILE_H
#define EXTPROCD_PLUGIN_API_SETUP_API_FILE_H

#include <extproc/plugin.h>

struct extproc_str api_read_file(struct extproc_instance *instance, const char *key, size_t i,
                                 size_t max);
struct extproc_file *api_file(struct extproc_instance *instance, const char *key, size_t i);
int api_file_append(struct extproc_file *file, struct extproc_str line);

#endif
