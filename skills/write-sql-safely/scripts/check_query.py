"""Checks that a query only reads, without running it, and prints its plan and its columns. For SQLite.

Usage: python check_query.py shop.db "SELECT id FROM orders WHERE email = :email LIMIT 10"
"""

import re
import sqlite3
import sys
from pathlib import Path

READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
LITERAL = re.compile(r"'[^']*'")


class Unbound(dict[str, None]):
    """Named parameters, all NULL: a plan needs no values."""

    def __missing__(self, name: str) -> None:
        return None


def plan(database: Path, query: str) -> list[str]:
    """The steps of the plan and the columns. Raises sqlite3.Error for what does more than read."""
    db = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)
    try:
        db.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY)
        marks = LITERAL.sub("", query).count("?")
        values: tuple[None, ...] | Unbound = (None,) * marks if marks else Unbound()
        steps = [str(row[3]) for row in db.execute(f"EXPLAIN QUERY PLAN {query}", values)]
        columns = db.execute(f"SELECT * FROM ({query}) LIMIT 0", values).description
        return [*steps, "columns: " + ", ".join(str(column[0]) for column in columns)]
    finally:
        db.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        print("\n".join(plan(Path(sys.argv[1]), sys.argv[2].strip().rstrip(";"))))
    except sqlite3.Error as error:
        sys.exit(f"refused: {error}")
