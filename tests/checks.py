"""What the tests count, in the form that run.sh adds up: "N passed, N failed", with ", N skipped" behind it when there was
something that could not be tested here; the failures before that."""

import sys

passed = failed = skipped = 0


def check(good, what, detail=""):
    """Counts, and says what failed. Whether it was good."""
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAILED {what}: {detail}", flush=True)
    return bool(good)


def skip(what, why):
    """Counts what cannot be tested here, and says why not."""
    global skipped
    skipped += 1
    print(f"SKIPPED {what}: {why}", flush=True)


def finish():
    """Ends the test."""
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(failed != 0)
