#include "transport/grpc/log.h"

#include <grpc/support/log.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char file[] = "/tmp/extprocd-grpc-log-XXXXXX", text[4096];

/* What a log of a level has after gRPC has said one thing in each severity. */
static const char *logged(enum extproc_level level)
{
    struct log *log = NULL;
    close(mkstemp(file));
    cr_assert_eq(log_new(&(struct log_options){.level = level, .file = file}, &log), 0);
    grpc_log_to(log);
    gpr_log("src/core/some.cc", 7, GPR_LOG_SEVERITY_ERROR, "%s is wrong", "this");
    gpr_log("src/core/some.cc", 8, GPR_LOG_SEVERITY_DEBUG, "a detail");
    grpc_log_end();
    gpr_log("src/core/some.cc", 9, GPR_LOG_SEVERITY_ERROR, "after the end");
    log_free(log);
    FILE *f = fopen(file, "r");
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    unlink(file);
    return text;
}

Test(log, errors_are_warnings_of_ours)
{
    logged(EXTPROC_LEVEL_INFO);
    cr_assert_not_null(strstr(text, "gRPC: this is wrong (some.cc:7)"), "%s", text);
    cr_assert_null(strstr(text, "a detail"));
    cr_assert_null(strstr(text, "after the end"));
}

Test(log, details_are_its_own)
{
    cr_assert_null(strstr(logged(EXTPROC_LEVEL_DEBUG), "a detail"), "%s", text);
}
