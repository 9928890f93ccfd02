#!/usr/bin/env python3
"""migrate.py OVERHEAR ROOT: a database of each earlier schema version (tests/schemas/N.sql) becomes like a new one, in one transaction.

Each is opened for writing by overhear, which reads one more capture into it. Then its tables and views must be those of a new database, and
every row that it had must be there still. Where a step cannot be done the database is refused and stays byte for byte as it was. TAP.
"""
import hashlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile

FIRST, SECOND = "resume_tls12_ticket.pcap", "tls13_openssl.pcap"
VIEWS = ("handshakes", "messages", "alerts", "offers", "chains", "certificates", "findings", "attempts", "captures")
PROGRAMS_WORDS = ("title", "remedy", "severity")  # which it brings up to date


def build(sql, path, also=""):
    db = sqlite3.connect(path)
    db.executescript(sql.read_text(encoding="utf-8") + also)
    db.execute("PRAGMA journal_mode = WAL")
    db.close()


def read(overhear, folder, captures, database):
    return subprocess.run([overhear, "read", "-q", "--no-ndpi", *captures, "-o", database], cwd=folder, text=True, capture_output=True, timeout=60, check=False)


def shape(path):
    """Names of all things, columns of the tables (ALTER TABLE words them in its own way), and the words of the views and indexes."""
    db = sqlite3.connect(path)
    things = {}
    for kind, name, sql in db.execute("SELECT type, name, sql FROM sqlite_schema"):
        if kind == "table":
            sql = tuple(tuple(row[1:]) for row in db.execute(f'SELECT * FROM pragma_table_info("{name}")'))
        things[kind, name] = sql
    things["version"] = db.execute("PRAGMA user_version").fetchone()
    db.close()
    return things


def rows(path):
    """Every row of every view, as a dictionary."""
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    found = {view: [dict(row) for row in db.execute(f"SELECT * FROM {view}")] for view in VIEWS}
    db.close()
    return found


def missing(before, after):
    """Rows that are not there any more, by the columns that they had."""
    for view, old in before.items():
        columns = [column for column in (old[0].keys() if old else ()) if column not in PROGRAMS_WORDS]
        left = {repr([row.get(column) for column in columns]) for row in after[view]}
        for row in old:
            if repr([row[column] for column in columns]) not in left:
                return f"{view}: lost {row}"
    return None


def difference(new, old):
    for key in new:
        if new[key] != old.get(key):
            return f"{key}: {str(old.get(key))[:600]} instead of {str(new[key])[:600]}"
    more = set(old) - set(new)
    return f"there is more: {more}" if more else None


def becomes_new(overhear, folder, sql):
    old, new, named = folder / "old.db", folder / "new.db", folder / "named.db"
    build(sql, old)
    read(overhear, folder, [FIRST, SECOND], new)
    build(sql, named, f"ATTACH '{new}' AS new; INSERT INTO names SELECT * FROM new.names; DETACH new;")
    before = rows(named)
    done = read(overhear, folder, [SECOND], old)
    if done.returncode:
        return f"refused with {done.returncode}: {done.stderr}"
    db = sqlite3.connect(old)
    for view in VIEWS:
        db.execute(f"SELECT * FROM {view}").fetchall()
    if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)] or db.execute("PRAGMA foreign_key_check").fetchall():
        return "is not sound"
    if db.execute("SELECT count(*) FROM captures").fetchone() != (2,):
        return "the second capture was not added to the first"
    db.close()
    return difference(shape(new), shape(old)) or missing(before, rows(old))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stays_where_it_cannot(overhear, folder, sql):
    """A table of somebody's where a view belongs: the step fails in its midst."""
    old = folder / "stuck.db"
    build(sql, old, "DROP VIEW offers; CREATE TABLE offers(mine);")
    before, was = digest(old), shape(old)
    done = read(overhear, folder, [SECOND], old)
    if done.returncode != 3:
        return f"ended with {done.returncode}: {done.stderr}"
    if str(old) not in done.stderr:
        return f"does not name the file: {done.stderr}"
    left = [path.name for path in folder.glob("stuck.db-*")]
    if left:
        return f"left behind: {left}"
    return None if digest(old) == before else f"was changed: {difference(was, shape(old))}"


def main():
    overhear, root = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
    fixtures = sorted((root / "tests/schemas").glob("*.sql"), key=lambda path: int(path.stem))
    failed = number = 0
    print(f"1..{2 * len(fixtures)}")
    for sql in fixtures:
        for test in (becomes_new, stays_where_it_cannot):
            number += 1
            with tempfile.TemporaryDirectory() as folder:
                os.chmod(folder, 0o1777)
                for capture in (FIRST, SECOND):
                    shutil.copyfile(root / "pcaps" / capture, pathlib.Path(folder) / capture)
                why = test(overhear, pathlib.Path(folder), sql)
            failed += why is not None
            print(f"{'not ok' if why else 'ok'} {number} - {test.__name__.replace('_', ' ')}, from version {sql.stem}")
            if why:
                print("# " + why.replace("\n", "\n# "))
    return 1 if failed else 0


sys.exit(main())
