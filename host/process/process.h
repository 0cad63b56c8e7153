/* process: the commands of extprocd. Each returns the exit code; errors go to standard error,
 * one a line. */
#ifndef EXTPROCD_PROCESS_PROCESS_H
#define EXTPROCD_PROCESS_PROCESS_H

#include <extproc/plugin.h>

#include <stdbool.h>

enum { EXIT_GOOD = 0, EXIT_BAD = 1, EXIT_USAGE = 2 };

/* Runs the service in the foreground until a signal stops it. */
int process_run(const char *file);
/* Reads the configuration, loads every plugin, runs every init, starts nothing; dump: prints the
 * configuration in effect. */
int process_check(const char *file, bool dump);
/* Prints what to paste on the proxy's side. name: "envoy" or "gloo". */
int process_print_proxy_config(const char *file, const char *name);

/* Prints every key that the host reads, with what it takes. name: "text", "markdown" or "man". */
int process_print_keys(const char *name);

/* Prints a line on standard error, escaped (base/escape.h). */
EXTPROC_PRINTF(1, 2)
void process_say(const char *fmt, ...);
/* Prints what was wrong with a configuration. */
struct config_errors;
void process_say_errors(const struct config_errors *errors);

#endif
