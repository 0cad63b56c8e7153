/* crash: names the plugin whose code was running when a signal ends the process. */
#ifndef EXTPROCD_PROCESS_END_CRASH_H
#define EXTPROCD_PROCESS_END_CRASH_H

/* From now on SIGSEGV, SIGABRT and their like are reported with the plugin's name. While plugins
 * are loaded they are a mistake of the configuration and end the process with EXIT_BAD; later they
 * end it as they do everywhere. A handler that is there already (a sanitizer's) stays. */
void crash_watch(void);

#endif
