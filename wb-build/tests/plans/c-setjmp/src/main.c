#include <setjmp.h>
int main(void) { jmp_buf b; return setjmp(b); }
