/* clash: a plugin whose helpers are named like functions of the C library. */
#include <extproc/plugin.h>

char *strfry(char *text);
void *memfrob(void *bytes, size_t n);
char *l64a(long n);
long a64l(const char *text);
int hcreate(size_t n);
void hdestroy(void);
char *ecvt(double x, int n, int *point, int *sign);
char *fcvt(double x, int n, int *point, int *sign);
char *gcvt(double x, int n, char *to);
char *cuserid(char *name);

char *strfry(char *text)
{
    return text;
}

void *memfrob(void *bytes, size_t n)
{
    (void)n;
    return bytes;
}

char *l64a(long n)
{
    (void)n;
    return NULL;
}

long a64l(const char *text)
{
    (void)text;
    return 0;
}

int hcreate(size_t n)
{
    (void)n;
    return 0;
}

void hdestroy(void)
{
}

char *ecvt(double x, int n, int *point, int *sign)
{
    (void)x;
    (void)n;
    (void)point;
    (void)sign;
    return NULL;
}

char *fcvt(double x, int n, int *point, int *sign)
{
    return ecvt(x, n, point, sign);
}

char *gcvt(double x, int n, char *to)
{
    (void)x;
    (void)n;
    return to;
}

char *cuserid(char *name)
{
    return name;
}

static enum extproc_action on_request(struct extproc_txn *x)
{
    (void)x;
    return EXTPROC_ACTION_CONTINUE;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "clash",
    .request_headers = on_request,
};
