/* places: the folders of the installation that this program belongs to.
 *
 * `cmake --install --prefix` may choose another prefix than the one that was configured, and a
 * package may be unpacked anywhere: so a folder is looked for beside the program first.
 */
#ifndef EXTPROCD_PROCESS_SETUP_PLACES_H
#define EXTPROCD_PROCESS_SETUP_PLACES_H

#include <limits.h>

/* The folder of the bundled plugins, and the configuration that is read without -c. Written into
 * ret where it is not the configured one. */
const char *places_plugin_dir(char ret[PATH_MAX]);
const char *places_config(char ret[PATH_MAX]);

#endif
