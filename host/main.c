/* extprocd: arguments; calls one of the commands of process/. */
#include "process/command/apart.h"
#include "process/end/crash.h"
#include "process/end/leave.h"
#include "process/end/reaper.h"
#include "process/process.h"
#include "process/setup/places.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void usage(FILE *to)
{
    char room[PATH_MAX];
    fprintf(
        to,
        "usage: extprocd [-c FILE] [COMMAND]\n"
        "\n"
        "Runs plugins on the HTTP traffic of Envoy-based gateways (external processing).\n"
        "Without a command: runs the service in the foreground until TERM or INT.\n"
        "\n"
        "  -c, --config FILE   the configuration (default %s)\n"
        "  -t, --test          check the configuration and load every plugin; start nothing\n"
        "  -T, --dump          the same, then print the configuration in effect\n"
        "      --print-envoy-config[=FORM]\n"
        "                      print what to paste on the proxy's side: envoy (default) or gloo\n"
        "      --print-keys[=FORM]\n"
        "                      print the keys of the ini file: text (default), markdown or man\n"
        "  -V, --version       print the version\n"
        "  -h, --help          print this\n",
        places_config(room));
}

enum command { RUN, TEST, DUMP, PRINT_PROXY, PRINT_KEYS };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"test", no_argument, NULL, 't'},
    {"dump", no_argument, NULL, 'T'},
    {"print-envoy-config", optional_argument, NULL, 'p'},
    {"print-keys", optional_argument, NULL, 'k'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* All output must have been written: a truncated file counts as a failure. */
static int printed(int status)
{
    errno = EIO; /* where the error was met before */
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    process_say("extprocd: cannot write to standard output: %s", strerror(errno));
    return status == EXIT_GOOD ? EXIT_BAD : status;
}

/* All but RUN. */
static int print(enum command wanted, const char *file, const char *form)
{
    switch (wanted) {
    case PRINT_PROXY:
        return process_print_proxy_config(file, form);
    case PRINT_KEYS:
        return process_print_keys(form);
    case TEST:
    case DUMP:
    case RUN:
        break;
    }
    return process_check(file, wanted == DUMP);
}

static int command(int argc, char **argv)
{
    char room[PATH_MAX];
    const char *file = places_config(room), *form = NULL;
    enum command wanted = RUN;
    int option, status;
    while ((option = getopt_long(argc, argv, "c:tTVh", long_options, NULL)) != -1) {
        switch (option) {
        case 'c':
            file = optarg;
            break;
        case 't':
            wanted = TEST;
            break;
        case 'T':
            wanted = DUMP;
            break;
        case 'p':
            wanted = PRINT_PROXY;
            form = optarg ? optarg : "envoy";
            break;
        case 'k':
            wanted = PRINT_KEYS;
            form = optarg ? optarg : "text";
            break;
        case 'V':
            puts("extprocd " EXTPROCD_VERSION);
            return printed(EXIT_GOOD);
        case 'h':
            usage(stdout);
            return printed(EXIT_GOOD);
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        process_say("extprocd: unexpected argument '%s'", argv[optind]);
        usage(stderr);
        return EXIT_USAGE;
    }
    if (wanted == RUN)
        return process_run(file);
    if (!apart_split(&status))
        return status;
    leave_watch(); /* this process, now */
    status = printed(print(wanted, file, form));
    apart_done();
    return status;
}

/* Standard streams that were closed: else the next file or connection gets their number, and with
 * it what a plugin prints. The wrong way round, so that who reads or prints meets an error. */
static void open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/* Before the constructors of libraries, which open descriptors of their own. */
__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(void) = open_standard_streams;

int main(int argc, char **argv)
{
    int status;
    if (getpid() == 1 && !reaper_split(&status))
        return leave(status);
    leave_watch();
    crash_watch();
    pthread_cleanup_push(leave_thread_ended, NULL);
    status = command(argc, argv);
    pthread_cleanup_pop(false);
    return leave(status);
}
