#include <greeter.h>

int greet(void);
