/* SQLite's own speed for what the store does: groups of puts, each group one transaction and one flush of the WAL.
 *
 * usage: sqlite PATH GROUP SECONDS      prints {"puts":N,"seconds":S}
 *
 * The same tables as the store (an entry and a change row a put, one state row a group), the same durability (WAL,
 * synchronous=FULL), GROUP puts a transaction: what GROUP waiting writers come to.
 *   cc -O2 sqlite.c -lsqlite3
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static sqlite3 *db;

static void check(int code, const char *what) {
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
        fprintf(stderr, "sqlite: %s: %s\n", what, sqlite3_errmsg(db));
        exit(1);
    }
}

static void run(const char *sql) { check(sqlite3_exec(db, sql, NULL, NULL, NULL), sql); }

static sqlite3_stmt *prepare(const char *sql) {
    sqlite3_stmt *statement;
    check(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL), sql);
    return statement;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **words) {
    if (count != 4) {
        fprintf(stderr, "usage: sqlite PATH GROUP SECONDS\n");
        return 2;
    }
    int group = atoi(words[2]);
    double seconds = atof(words[3]);
    check(sqlite3_open(words[1], &db), "open");
    run("PRAGMA journal_mode = WAL");
    run("PRAGMA synchronous = FULL");
    run("CREATE TABLE state (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL) STRICT");
    run("INSERT INTO state VALUES (1, 0)");
    run("CREATE TABLE entry (key BLOB PRIMARY KEY NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,"
        " lease INTEGER, value BLOB NOT NULL) STRICT, WITHOUT ROWID");
    run("CREATE TABLE change (position INTEGER PRIMARY KEY, key BLOB NOT NULL, created INTEGER NOT NULL, lease INTEGER,"
        " value BLOB) STRICT");
    sqlite3_stmt *entry = prepare("INSERT INTO entry VALUES (?, ?, ?, NULL, ?)");
    sqlite3_stmt *change = prepare("INSERT INTO change VALUES (?, ?, ?, NULL, ?)");
    sqlite3_stmt *state = prepare("UPDATE state SET revision = ? WHERE id = 1");
    char value[200], key[64];
    memset(value, 'x', sizeof value);
    long puts = 0;
    double start = now();
    while (now() < start + seconds) {
        run("BEGIN IMMEDIATE");
        for (int writer = 0; writer < group; writer++) {
            int size = snprintf(key, sizeof key, "bench/%d/%ld", writer, puts / group);
            puts++;
            sqlite3_bind_blob(entry, 1, key, size, SQLITE_STATIC);
            sqlite3_bind_int64(entry, 2, puts);
            sqlite3_bind_int64(entry, 3, puts);
            sqlite3_bind_blob(entry, 4, value, sizeof value, SQLITE_STATIC);
            check(sqlite3_step(entry), "entry");
            sqlite3_reset(entry);
            sqlite3_bind_int64(change, 1, puts << 12);
            sqlite3_bind_blob(change, 2, key, size, SQLITE_STATIC);
            sqlite3_bind_int64(change, 3, puts);
            sqlite3_bind_blob(change, 4, value, sizeof value, SQLITE_STATIC);
            check(sqlite3_step(change), "change");
            sqlite3_reset(change);
        }
        sqlite3_bind_int64(state, 1, puts);
        check(sqlite3_step(state), "state");
        sqlite3_reset(state);
        run("COMMIT");
    }
    printf("{\"puts\":%ld,\"seconds\":%.6f}\n", puts, now() - start);
    return 0;
}
