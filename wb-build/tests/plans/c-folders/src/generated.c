/* included by main.c, and a unit of its own */
