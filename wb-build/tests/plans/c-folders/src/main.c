#include "lib/lib.h"
#include "generated.c"
int main(void) { return lib(); }
