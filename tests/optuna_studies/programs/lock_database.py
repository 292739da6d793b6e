"""Lock a SQLite file until stdin is closed, or for some time.

Arguments: the file, seconds, and the SQL statements that lock it.
"""

import sqlite3
import sys
import threading

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[3].split(";"):
    connection.execute(statement).fetchall()
print("locked", flush=True)
release = threading.Event()


def release_at_the_end_of_stdin():
    sys.stdin.read()
    release.set()


threading.Thread(target=release_at_the_end_of_stdin, daemon=True).start()
release.wait(float(sys.argv[2]))
connection.rollback()
