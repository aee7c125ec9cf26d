"""What the tests count, in the form that run.sh adds up: "N passed, N failed", with ", N skipped" behind it when there was
something that could not be tested here; the failures before that."""

import sys
import time
import traceback

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


def run(tests):
    """Runs the tests that the command line names, with or without "test_", or all; what one of them raises is its failure.
    Then it ends."""
    named = {test.__name__: test for test in tests}
    wanted = [name if name in named else f"test_{name}" for name in sys.argv[1:]]
    for name in wanted or named:
        begun = time.monotonic()
        try:
            named[name]()
        except Exception:
            check(False, name, traceback.format_exc())
        print(f"{name}: {time.monotonic() - begun:.1f} s", flush=True)
    finish()
