#!/usr/bin/env python3
"""Recomputes the hash chains of a ledger, from docs/formats/ledger.md and nothing else of crumb.

usage: verify_ledger.py LEDGER

Exit code 0 and the hash of the last row when the chains are whole, 1 and the first difference when not.
"""
import hashlib
import pathlib
import sqlite3
import sys

START = "0" * 64
TRIGGERS = {
    f"{table}_{rule}"
    for table in ("evidence", "input")
    for rule in ("no_update", "no_delete", "in_order", "count")
} | {"chain_no_delete"}


def field(value):
    """One value in canonical form: LENGTH:BYTES, or -, when it is not there."""
    if value is None:
        return b"-,"
    if isinstance(value, float):
        text = repr(value).removesuffix(".0")
    else:
        text = str(value)
    data = text.encode("utf-8")
    return b"%d:%s," % (len(data), data)


def check_chain(db, table, form, columns):
    """Follows one chain and returns its length and the hash of its last row."""
    names = ", ".join(f'"{name}"' for name in ["previous_hash", "id", *columns, "hash"])
    count, head = 0, START
    what = "row" if table == "evidence" else table
    for previous, row_id, *values, stored in db.execute(f"SELECT {names} FROM {table} ORDER BY id"):
        count += 1
        if row_id != count:
            sys.exit(f"{what} {count} is missing")
        if previous != head:
            sys.exit(f"{what} {row_id} does not follow the one before it")
        canonical = b"".join(field(value) for value in [form, previous, row_id, *values])
        head = hashlib.sha256(canonical).hexdigest()
        if head != stored:
            sys.exit(f"{what} {row_id} is not what was written: its hash differs")
    recorded = db.execute("SELECT rows, head FROM chain WHERE name = ?", (table,)).fetchone()
    if recorded != (count, head):
        sys.exit(f"the chain {table} ends at {count}, {head[:12]}; the ledger wrote {recorded}")
    return count, head


KEY = ["metric", "subject", "unit", "method", "method_version", "model_sha256", "text_sha256", "codec",
       "options", "kernel_set", "cpu_model", "threads"]


def check_keys(db):
    names = ", ".join(f'"{name}"' for name in ["id", *KEY, "key"])
    for row_id, *values, stored in db.execute(f"SELECT {names} FROM evidence"):
        canonical = b"".join(field(value) for value in ["crumb-key-1", *values])
        if hashlib.sha256(canonical).hexdigest() != stored:
            sys.exit(f"row {row_id} has another key than it should")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    path = pathlib.Path(sys.argv[1]).resolve()
    db = sqlite3.connect(path.as_uri() + "?mode=ro", uri=True)
    try:
        if db.execute("PRAGMA application_id").fetchone() != (0x6372756D,):
            sys.exit("not a ledger of crumb")
        if db.execute("PRAGMA user_version").fetchone() != (1,):
            sys.exit("a schema that this script does not know")
        names = db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        triggers = {name for (name,) in names}
        if triggers != TRIGGERS:
            sys.exit(f"triggers missing or added: {sorted(triggers ^ TRIGGERS)}")
        table = [row[1] for row in db.execute("PRAGMA table_info(evidence)")]
        columns = [name for name in table if name not in ("id", "previous_hash", "hash", "key")]
        rows, head = check_chain(db, "evidence", "crumb-evidence-1", columns)
        check_keys(db)
        inputs, _ = check_chain(db, "input", "crumb-input-1", ["role", "name", "sha256"])
    except sqlite3.DatabaseError as error:
        sys.exit(f"can not be read: {error}")
    print(f"{rows} rows, {inputs} inputs, whole; last hash {head}")


if __name__ == "__main__":
    main()
