/* interfaces.h: `overhear -D`. */
#ifndef APP_INTERFACES_H
#define APP_INTERFACES_H

/* Prints the interfaces that can be listened on; returns the exit status. */
int interfaces_print(void);

#endif
