"""One connection a thread, one transaction a batch. Nothing that fails leaves anything behind."""
import threading
from contextlib import contextmanager
from typing import Iterator

import psycopg2
import psycopg2.extensions

_own = threading.local()
# A request gives up long before the gateway does (15 s), so that its answer is 503 and not silence.
_LIMITS = "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '10s'"


@contextmanager
def transaction(dsn: str) -> Iterator[psycopg2.extensions.cursor]:
    """A cursor whose work is committed at the end, or undone; raises psycopg2.Error."""
    connection = _connection(dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute(_LIMITS)
            yield cursor
        connection.commit()
    except BaseException:
        _undo(connection)
        raise


def _connection(dsn: str) -> psycopg2.extensions.connection:
    connection = getattr(_own, "connection", None)
    if connection is None or connection.closed or _own.dsn != dsn:
        connection = psycopg2.connect(dsn, connect_timeout=5, application_name="tracetrack-devices")
        _own.connection, _own.dsn = connection, dsn
    return connection


def _undo(connection: psycopg2.extensions.connection) -> None:
    try:
        connection.rollback()
    except psycopg2.Error:
        # A connection that cannot even roll back is not used again.
        connection.close()
