/* other_symbol: a shared object that exports one number, under the name that is defined. */
__attribute__((visibility("default"))) extern const int SYMBOL;
const int SYMBOL = 1;
