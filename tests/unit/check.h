/* check.h - what a unit test counts. The last line that it prints is "N passed, N failed", with ", N
 * skipped" behind it when there was something that could not be tested here; tests/run.sh adds that up.
 *
 * A test is one program of one source, which includes this once. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct {
    unsigned passed, failed, skipped;
} checks;

/* Each gives whether the check was good, so that a test can say more, or stop. */

#define check(holds, what) check_line(holds, what, __LINE__)
#define CHECK(condition)   check_line(condition, #condition, __LINE__)
/* Two numbers; two texts, which are shown when they differ. */
#define EQUAL(got, wanted)            check_equal(got, wanted, #got, __LINE__)
#define check_text(got, wanted, what) check_text_line(got, wanted, what, __LINE__)

static inline bool check_line(bool holds, const char *what, int line)
{
    if (holds)
        checks.passed++;
    else
        checks.failed++, printf("FAILED: %s (line %d)\n", what, line);
    return holds;
}

static inline bool check_equal(uint64_t got, uint64_t wanted, const char *what, int line)
{
    if (!check_line(got == wanted, what, line))
        printf("  is %llu, not %llu\n", (unsigned long long)got, (unsigned long long)wanted);
    return got == wanted;
}

static inline bool check_text_line(const char *got, const char *wanted, const char *what, int line)
{
    bool same = check_line(strcmp(got, wanted) == 0, what, line);
    if (!same)
        printf("  instead of %s: %s\n", wanted, got);
    return same;
}

/* What cannot be tested here, and why not. */
static inline void skip(const char *what, const char *why)
{
    checks.skipped++;
    printf("SKIPPED: %s: %s\n", what, why);
}

/* The last line, and the status that the test ends with. */
static inline int checks_end(void)
{
    printf("%u passed, %u failed", checks.passed, checks.failed);
    if (checks.skipped)
        printf(", %u skipped", checks.skipped);
    printf("\n");
    return checks.failed != 0;
}

#endif
