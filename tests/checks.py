"""What the tests count, in the form that run.sh adds up: "N passed, M failed", the failures before that."""

import sys

passed = failed = 0


def check(good, what, detail=""):
    """Counts, and says what failed. Whether it was good."""
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAILED {what}: {detail}", flush=True)
    return bool(good)


def finish():
    """Ends the test."""
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)
