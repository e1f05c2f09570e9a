#include "lib.h"
int lib(void) { return 0; }
