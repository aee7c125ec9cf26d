// sqlite_bench [--time | --stay] [ROWS [DATABASE]]: SQLite in the manner of db_bench: fill in order,
// fill at random, overwrite, read at random, read in order, aggregate, on ROWS rows (default 500) of
// 100 bytes in DATABASE, a file that is made anew or, the default, ":memory:".
//
// All data come from a fixed generator, so what is printed is the same everywhere. --time adds the
// time that each operation took. --stay reads at random until it is stopped, once all has been
// written: a guest that is always stopped at the same place (bench/criu.py).
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sqlite3.h"

#define VALUE_SIZE           100
#define ROWS_PER_TRANSACTION 1000

static sqlite3 *db;
static uint64_t state = 88172645463325252u;

static void fail(const char *what)
{
    fprintf(stderr, "sqlite_bench: %s: %s\n", what, db ? sqlite3_errmsg(db) : "no database");
    exit(1);
}

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t checksum(const void *data, size_t size, uint64_t sum)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ p[i]) * 0x100000001b3u;
    return sum;
}

static void make_value(char value[VALUE_SIZE])
{
    for (int i = 0; i < VALUE_SIZE; i += 10) {
        uint64_t r = next_random();
        for (int k = 0; k < 10; k++, r >>= 6)
            value[i + k] = (char)('0' + (r & 63));
    }
}

static void run(const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(sql);
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail(sql);
    return statement;
}

// ---- the operations; each returns a checksum of what it did and counts its rows

enum order { IN_ORDER, AT_RANDOM };

static uint64_t write_rows(const char *sql, int64_t rows, enum order order, int64_t *count)
{
    sqlite3_stmt *statement = prepare(sql);
    uint64_t sum = 0;
    char value[VALUE_SIZE];
    for (int64_t i = 0; i < rows; i++) {
        int64_t key = order == IN_ORDER ? i : (int64_t)(next_random() % (uint64_t)rows);
        if (i % ROWS_PER_TRANSACTION == 0)
            run(i == 0 ? "BEGIN" : "COMMIT; BEGIN");
        make_value(value);
        sqlite3_bind_int64(statement, 1, key);
        sqlite3_bind_blob(statement, 2, value, sizeof value, SQLITE_STATIC);
        if (sqlite3_step(statement) != SQLITE_DONE)
            fail(sql);
        sqlite3_reset(statement);
        *count += sqlite3_changes(db);
        sum = checksum(value, sizeof value, sum + (uint64_t)key);
    }
    run("COMMIT");
    sqlite3_finalize(statement);
    return sum;
}

static uint64_t fill_sequential(int64_t rows, int64_t *count)
{
    run("CREATE TABLE sequential (key INTEGER PRIMARY KEY, value BLOB)");
    return write_rows("INSERT INTO sequential VALUES (?1, ?2)", rows, IN_ORDER, count);
}

static uint64_t fill_random(int64_t rows, int64_t *count)
{
    run("CREATE TABLE random (key INTEGER PRIMARY KEY, value BLOB)");
    run("CREATE INDEX random_value ON random (substr(value, 1, 8))");
    return write_rows("REPLACE INTO random VALUES (?1, ?2)", rows, AT_RANDOM, count);
}

static uint64_t overwrite(int64_t rows, int64_t *count)
{
    return write_rows("UPDATE sequential SET value = ?2 WHERE key = ?1", rows, AT_RANDOM, count);
}

static uint64_t read_rows(sqlite3_stmt *statement, int64_t *count, uint64_t sum)
{
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        sum =
            checksum(sqlite3_column_blob(statement, 1), (size_t)sqlite3_column_bytes(statement, 1),
                     sum + (uint64_t)sqlite3_column_int64(statement, 0));
        ++*count;
    }
    if (result != SQLITE_DONE)
        fail("read");
    return sum;
}

static uint64_t read_random(int64_t rows, int64_t *count)
{
    sqlite3_stmt *statement = prepare("SELECT key, value FROM random WHERE key = ?1");
    uint64_t sum = 0;
    for (int64_t i = 0; i < rows; i++) {
        sqlite3_bind_int64(statement, 1, (int64_t)(next_random() % (uint64_t)rows));
        sum = read_rows(statement, count, sum);
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    return sum;
}

static uint64_t read_sequential(int64_t rows, int64_t *count)
{
    (void)rows;
    sqlite3_stmt *statement = prepare("SELECT key, value FROM sequential ORDER BY key");
    uint64_t sum = read_rows(statement, count, 0);
    sqlite3_finalize(statement);
    return sum;
}

static uint64_t aggregate(int64_t rows, int64_t *count)
{
    (void)rows;
    sqlite3_stmt *statement =
        prepare("SELECT count(*), substr(s.value, 1, 1) || max(r.value) || printf('%.6f', "
                "avg(s.key * 1.5)) "
                "FROM sequential s JOIN random r ON r.key = s.key "
                "WHERE s.value LIKE '%A%' GROUP BY substr(s.value, 1, 1) ORDER BY 2 DESC");
    uint64_t sum = read_rows(statement, count, 0);
    sqlite3_finalize(statement);
    return sum;
}

static const struct {
    const char *name;
    uint64_t (*run)(int64_t rows, int64_t *count);
} operations[] = {
    {"fill sequential", fill_sequential},
    {"fill random", fill_random},
    {"overwrite", overwrite},
    {"read random", read_random},
    {"read sequential", read_sequential},
    {"aggregate", aggregate},
};

// Never returns.
static void stay(int64_t rows)
{
    int64_t count = 0;
    printf("all rows are written\n");
    fflush(stdout);
    for (;;)
        read_random(rows, &count);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int timed = argc > 1 && strcmp(argv[1], "--time") == 0;
    int stays = argc > 1 && strcmp(argv[1], "--stay") == 0;
    argc -= timed + stays, argv += timed + stays;
    int64_t rows = argc > 1 ? strtoll(argv[1], NULL, 10) : 500;
    const char *name = argc > 2 ? argv[2] : ":memory:";
    if (rows < 1) {
        fprintf(stderr, "usage: sqlite_bench [--time | --stay] [ROWS [DATABASE]]\n");
        return 2;
    }
    if (strcmp(name, ":memory:") != 0)
        unlink(name);

    // A fixed seed, so that SQLite asks the system for no randomness.
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, NULL);
    // WASI has no file locks; the database is ours alone.
    if (sqlite3_open_v2(name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix-none") !=
        SQLITE_OK)
        fail(name);
    printf("SQLite %s, %" PRId64 " rows\n", sqlite3_libversion(), rows);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        int64_t count = 0;
        if (stays && operations[i].run == read_random)
            stay(rows);
        double start = timed ? now() : 0;
        uint64_t sum = operations[i].run(rows, &count);
        printf("%-16s %8" PRId64 " rows  %016" PRIx64, operations[i].name, count, sum);
        if (timed)
            printf("  %8.3f s", now() - start);
        putchar('\n');
        fflush(stdout);
    }
    sqlite3_stmt *statement = prepare("PRAGMA integrity_check");
    if (sqlite3_step(statement) != SQLITE_ROW)
        fail("integrity check");
    printf("integrity check: %s\n", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return 0;
}
