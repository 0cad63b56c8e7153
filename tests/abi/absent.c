/* absent: a library that is not there when the plugin is loaded. */
__attribute__((visibility("default"))) int absent(void);
int absent(void)
{
    return 0;
}
