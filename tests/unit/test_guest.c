/* test_guest.c - the life of a guest without a command: it is loaded, runs in slices, reaches its
 * limits, is checkpointed when that is due, goes on from the snapshot, is torn down on the way.
 *
 *     (module
 *       (memory 1)
 *       (func (export "count") (param $rounds i32) (result i32) (local $sum i32)
 *         (loop $again
 *           (local.set $sum (i32.add (local.get $sum) (local.get $rounds)))
 *           (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
 *         (local.get $sum))
 *       (func (export "trap") unreachable)) */
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "guest/hold.h"
#include "guest/session.h"

static const uint8_t counting[] = {
    0x00, 'a',  's',  'm',  1,    0,    0,    0,                               /* header */
    1,    9,    2,    0x60, 1,    0x7f, 1,    0x7f, 0x60, 0,    0,             /* types */
    3,    3,    2,    0,    1,                                                 /* functions */
    5,    3,    1,    0,    1,                                                 /* memory */
    7,    16,   2,    5,    'c',  'o',  'u',  'n',  't',  0,    0,             /* exports */
    4,    't',  'r',  'a',  'p',  0,    1,                                     /* */
    10,   31,   2,    25,   1,    1,    0x7f,                                  /* code */
    0x03, 0x40, 0x20, 1,    0x20, 0,    0x6a, 0x21, 1,                         /* sum += rounds */
    0x20, 0,    0x41, 1,    0x6b, 0x22, 0,    0x0d, 0,    0x0b, 0x20, 1, 0x0b, /* while --rounds */
    3,    0,    0x00, 0x0b};

static struct error said; /* by the session that runs */

static void say(const struct error *what)
{
    said = *what;
}

static struct guest_options options;
static struct snapshot_options snapshots;

static struct session fresh(const char *path)
{
    static const char *const arguments[] = {"counting"};
    said = (struct error){.offset = ERROR_NO_OFFSET};
    return (struct session){.options = &options,
                            .snapshots = &snapshots,
                            .path = path,
                            .arguments = arguments,
                            .narguments = 1,
                            .say = say};
}

/* A session in which `name` is about to be called. */
static bool begin(struct session *session, const char *name, uint32_t rounds)
{
    const struct typed_value argument = {TYPE_I32, rounds};
    *session = fresh("counting.wasm");
    session_open(session);
    if (!session_load(session))
        return false;
    const struct export *export = module_export(&session->module, EXTERN_FUNC, name);
    session->guest.entry = export->index;
    if (module_functype(&session->module, export->index)->nparams)
        buffer_put(&session->guest.arguments, &argument, sizeof argument);
    return guest_begin(&session->guest, &session->error);
}

static bool begins(struct session *session, const char *name, uint32_t rounds)
{
    bool good = CHECK(begin(session, name, rounds));
    if (!good)
        printf("%s: %s\n", name, session->error.message);
    return good;
}

static uint32_t sum_to(uint32_t rounds)
{
    return (uint32_t)((uint64_t)rounds * (rounds + 1) / 2);
}

static bool has_counted(const struct session *session, uint32_t rounds)
{
    return execution_result(&session->execution, 0).i32 == sum_to(rounds);
}

static void test_whole(void)
{
    struct session session;
    if (!begins(&session, "count", 1000))
        return;
    EQUAL(session_run(&session), SESSION_DONE);
    CHECK(has_counted(&session, 1000));
    EQUAL(session.execution.fuel_used, 1000); /* one for the call, one for each branch back */
    CHECK(!session_missed_checkpoint(&session) && !session.checkpointed);
    session_close(&session);
    if (!begins(&session, "trap", 0))
        return;
    EQUAL(session_run(&session), SESSION_TRAP);
    EQUAL(session.execution.trap, TRAP_UNREACHABLE);
    session_close(&session);
}

static void test_limits(void)
{
    struct session session;
    options.max_fuel = 500;
    if (!begins(&session, "count", 1000))
        return;
    EQUAL(session_run(&session), SESSION_TRAP);
    EQUAL(session.execution.trap, TRAP_HOST);
    EQUAL(session.execution.fuel_used, 500);
    CHECK(strstr(session.execution.host_message, "--max-fuel 500") != NULL);
    session_close(&session);
    options.max_fuel = 0;
    options.timeout = 20000000;
    if (!begins(&session, "count", UINT32_MAX))
        return;
    EQUAL(session_run(&session), SESSION_TRAP);
    CHECK(strstr(session.execution.host_message, "--timeout 20 ms") != NULL);
    session_close(&session);
    options.timeout = 0;
}

static void test_tear_down(void)
{
    struct session session;
    options.teardown = 7;
    if (!begins(&session, "count", 100))
        return;
    EQUAL(session_run(&session), SESSION_DONE);
    CHECK(has_counted(&session, 100));
    EQUAL(session.execution.fuel_used, 100);
    session_close(&session);
    options.teardown = 0;
}

static bool goes_on(const char *snapshot, uint32_t rounds)
{
    struct session session = fresh(snapshot);
    session_open(&session);
    bool good = session_restore(&session) && session_run(&session) == SESSION_DONE &&
                has_counted(&session, rounds);
    if (!good)
        printf("%s: %s\n", snapshot, session.error.message);
    session_close(&session);
    return good;
}

static void test_after(void)
{
    struct session session;
    snapshots.snapshot = "after.snap";
    snapshots.checkpoint_after = 300;
    if (!begins(&session, "count", 1000))
        return;
    EQUAL(session_run(&session), SESSION_CHECKPOINTED);
    EQUAL(session.execution.fuel_used, 300);
    session_close(&session);
    if (!begins(&session, "count", 10))
        return;
    EQUAL(session_run(&session), SESSION_DONE);
    CHECK(session_missed_checkpoint(&session)); /* it ended before */
    session_close(&session);
    snapshots.checkpoint_after = 0;
    CHECK(goes_on("after.snap", 1000));
}

static void test_every(void)
{
    struct session session;
    snapshots.snapshot = "every.snap";
    snapshots.every = 1000000;
    snapshots.keep = 2;
    snapshots.verify = true;
    if (!begins(&session, "count", 200000000))
        return;
    EQUAL(session_run(&session), SESSION_DONE);
    session_close(&session);
    CHECK(file_exists("every.snap") && file_exists("every.snap.1"));
    CHECK(!file_exists("every.snap.2"));
    snapshots = (struct snapshot_options){0};
    CHECK(goes_on("every.snap.1", 200000000));
}

/* What a request says is done; what cannot be done is said, and the guest goes on. */
static void test_requested(void)
{
    struct session session;
    struct buffer answer = {0};
    snapshots.request = "request";
    snapshots.answer = "answer";
    CHECK(file_write("request", "id=ab\nsnapshot=none/asked.snap\n", NULL));
    if (!begins(&session, "count", 200000000))
        return;
    EQUAL(session_run(&session), SESSION_DONE);
    CHECK(!session.checkpointed && said.kind == ERROR_IO);
    session_close(&session);
    CHECK(file_read("answer", &answer, NULL));
    buffer_put_u8(&answer, 0);
    CHECK(strstr((const char *)answer.data, "id=ab\nerror=") != NULL);
    CHECK(file_write("request", "id=cd\nsnapshot=asked.snap\nembed-module=1\n", NULL));
    if (!begins(&session, "count", 200000000))
        return;
    EQUAL(session_run(&session), SESSION_CHECKPOINTED);
    session_close(&session);
    answer.size = 0;
    CHECK(file_read("answer", &answer, NULL));
    buffer_put_u8(&answer, 0);
    CHECK(strstr((const char *)answer.data, "id=cd\nok=1\n") != NULL);
    buffer_free(&answer);
    CHECK(file_write("held", "", NULL) && file_write("held" HOLD_LEAVE, "", NULL));
    CHECK(hold_guest("held"));
    unlink("held" HOLD_LEAVE);
    unlink("held");
    CHECK(!hold_guest("held"));
    snapshots = (struct snapshot_options){0};
    CHECK(goes_on("asked.snap", 200000000));
}

static void test_wrong(void)
{
    struct session session = fresh("none.wasm");
    session_open(&session);
    CHECK(!session_load(&session) && strstr(session.error.message, "none.wasm") != NULL);
    session_close(&session);
    session = fresh("none.snap");
    session_open(&session);
    CHECK(!session_restore(&session) && strstr(session.error.message, "none.snap") != NULL);
    session_close(&session);
    CHECK(file_write("bad.snap", "no snapshot", NULL));
    session = fresh("bad.snap");
    session_open(&session);
    CHECK(!session_restore(&session) && session.error.kind == ERROR_SNAPSHOT);
    session_close(&session);
    static const char *directories[] = {"nowhere"};
    snapshots.embed = (struct list){directories, 1};
    session = fresh("counting.wasm");
    session_open(&session);
    CHECK(!session_load(&session) && session.makes_no_sense);
    session_close(&session);
    snapshots.embed = (struct list){0};
}

int main(void)
{
    char folder[] = "/tmp/yado-guest-XXXXXX", command[64];
    if (!mkdtemp(folder) || chdir(folder) != 0 ||
        !file_write_bytes("counting.wasm", counting, sizeof counting, NULL))
        return 1;
    options.max_stack = DEFAULT_STACK_SIZE;
    test_whole();
    test_limits();
    test_tear_down();
    test_after();
    test_every();
    test_requested();
    test_wrong();
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
    return checks_end();
}
