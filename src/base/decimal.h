/* decimal.h - floats as decimal digits, exactly rounded: with it the modules for hosts do without a
 * printf that knows floats, which is 5 KB larger. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

enum { DECIMAL_TEXT = 40 };

/* As printf's "%.*e" of a finite value, with `digits` of at most 16. */
void decimal_scientific(double value, int digits, char text[DECIMAL_TEXT]);
/* As printf's "%g". */
void decimal_general(double value, char text[DECIMAL_TEXT]);

#endif
