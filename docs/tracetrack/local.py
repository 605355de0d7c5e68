#!/usr/bin/python3
"""PostgreSQL and gunicorn of one's own in a temporary directory, to try the devices way or to test it.

usage: local.py                      both; prints the url, waits for Enter or end of input, cleans up
       local.py cluster              PostgreSQL alone; prints its socket directory
       local.py serve SOCKET_DIR     a database of its own on that cluster, and gunicorn

Each prints one line of JSON when it is ready and cleans up after itself when its standard input ends. The data is for
tests: nothing is synced to disk.
"""
import contextlib
import ctypes
import glob
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, Iterator

import psycopg2
from werkzeug.security import generate_password_hash

HERE = os.path.dirname(os.path.abspath(__file__))
WORKERS = int(os.environ.get("DEVICES_WORKERS", "2"))


def binaries() -> str:
    """The directory of Debian's newest PostgreSQL.

    Its cluster `main`, running or not, is left alone, and so is the `psql` on the path, which looks for that one first.
    """
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    if not found:
        sys.exit("local.py: PostgreSQL is not there: apt-get install postgresql")
    return found[-1]


def owner() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: its own user then, else whoever calls."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def die_with_parent() -> None:
    """A killed local.py must not leave servers behind (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], what: str) -> None:
    """Waits up to 30 s, and no longer than the process lives."""
    end = time.monotonic() + 30
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"local.py: {what} did not start")
        time.sleep(0.02)


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """A cluster that listens on a unix socket alone; yields the socket's directory."""
    directory = tempfile.mkdtemp(prefix="tracetrack-pg-")
    user = owner()
    if user:
        os.chown(directory, user["user"], user["group"])
    data = os.path.join(directory, "data")
    subprocess.run(
        [f"{binaries()}/initdb", "-D", data, "-U", "tracetrack", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
        check=True, stdout=subprocess.DEVNULL, cwd=directory, **user)
    server = start_postgres(directory, user)
    try:
        yield directory
    finally:
        # A test may have stopped this one and started another.
        stop_postgres(directory)
        if server.poll() is None:
            server.kill()
        server.wait()
        shutil.rmtree(directory, ignore_errors=True)


def start_postgres(directory: str, user: dict[str, Any]) -> "subprocess.Popen[bytes]":
    """Starts the server and waits until it answers.

    Commits are written before they are answered, as in earnest, but not synced: they survive a killed server.
    """
    settings = {
        "unix_socket_directories": directory, "listen_addresses": "", "fsync": "off", "full_page_writes": "off",
        "max_connections": "300", "shared_buffers": "64MB", "log_min_messages": "fatal"}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = subprocess.Popen(
        [f"{binaries()}/postgres", "-D", os.path.join(directory, "data"), *words], cwd=directory,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent,
        **user)
    wait_until(lambda: answers(directory), server, "PostgreSQL")
    return server


def stop_postgres(directory: str) -> None:
    """Stops whichever server has the directory, at once."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open(os.path.join(directory, "data", "postmaster.pid")) as file:
            os.kill(int(file.readline()), signal.SIGQUIT)


def crash_postgres(directory: str, user: dict[str, Any]) -> None:
    """Kills the server in the middle of whatever it does, and starts it again: SIGUSR1 to `local.py cluster`."""
    with open(os.path.join(directory, "data", "postmaster.pid")) as file:
        process = int(file.readline())
    os.kill(process, signal.SIGQUIT)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process, 0)
    start_postgres(directory, user)


def answers(directory: str) -> bool:
    """Whether the server takes connections."""
    with contextlib.suppress(psycopg2.OperationalError):
        psycopg2.connect(dsn(directory, "postgres")).close()
        return True
    return False


def dsn(directory: str, database: str) -> str:
    """How libpq gets there."""
    return f"host={directory} user=tracetrack dbname={database}"


def run_file(url: str, *path: str) -> None:
    """Runs an SQL file."""
    subprocess.run([f"{binaries()}/psql", "-qX", url, "-v", "ON_ERROR_STOP=1", "-f", os.path.join(HERE, *path)], check=True)


def make_database(directory: str) -> str:
    """A database with TraceTrack's tables and ours, one account in it; returns its name.

    Each cluster keeps one made by the two SQL files, and the others are copies of it.
    """
    name = "t" + secrets.token_hex(6)
    connection = psycopg2.connect(dsn(directory, "postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(1)")
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'finished'")
        if cursor.fetchone() is None:
            cursor.execute("CREATE DATABASE unfinished")
            url = dsn(directory, "unfinished")
            run_file(url, "today", "schema_today.sql")
            run_file(url, "migrations", "001_devices.sql")
            with psycopg2.connect(url) as made, made.cursor() as one:
                one.execute(
                    'INSERT INTO "user" (username, password_hash) VALUES (%s, %s)',
                    ("dock7", generate_password_hash("secret", method="pbkdf2:sha256:1000")))
            made.close()
            cursor.execute("ALTER DATABASE unfinished RENAME TO finished")
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE finished")
    connection.close()
    return name


@contextlib.contextmanager
def gunicorn(url: str) -> Iterator[dict[str, Any]]:
    """The stand-in for TraceTrack with the devices way, on a free port of the loopback."""
    # Bound here and handed over, so that nobody else can take the port in between.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(256)
        listener.set_inheritable(True)
        port = listener.getsockname()[1]
        environment = os.environ | {"DATABASE_URL": url}
        server = subprocess.Popen(
            ["/usr/bin/gunicorn", "--bind", f"fd://{listener.fileno()}", "--workers", str(WORKERS),
             "--worker-class", "gthread", "--threads", "4",
             "--keep-alive", "60", "--graceful-timeout", "2", "--preload", "today.app:app"],
            cwd=HERE, env=environment, pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=log_file(), preexec_fn=die_with_parent, start_new_session=True)
    try:
        wait_until(lambda: serves(port), server, "gunicorn")
        yield {"url": f"http://127.0.0.1:{port}", "port": port, "dsn": url, "master": server.pid}
    finally:
        # The master and its workers, which would wait for connections that are kept open.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def log_file() -> Any:
    """Where gunicorn writes: nowhere, or the file that DEVICES_LOG names."""
    path = os.environ.get("DEVICES_LOG")
    return open(path, "ab") if path else subprocess.DEVNULL


def serves(port: int) -> bool:
    """Whether a worker answers."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as one:
        one.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return one.recv(12).startswith(b"HTTP/1.1 200")
    return False


@contextlib.contextmanager
def serving(directory: str) -> Iterator[dict[str, Any]]:
    """A database and gunicorn; both go at the end."""
    database = make_database(directory)
    try:
        with gunicorn(dsn(directory, database)) as told:
            yield told | {"socket": directory, "database": database}
    finally:
        with contextlib.suppress(psycopg2.Error):
            connection = psycopg2.connect(dsn(directory, "postgres"))
            connection.autocommit = True
            connection.cursor().execute(f"DROP DATABASE {database} WITH (FORCE)")
            connection.close()


def tell_and_wait(told: dict[str, Any]) -> None:
    """One line for whoever started this; then until it lets go."""
    print(json.dumps(told), flush=True)
    if sys.stdin.isatty():
        sys.stdin.readline()
    else:
        sys.stdin.read()


def main(arguments: list[str]) -> None:
    """See the usage above."""
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    match arguments:
        case []:
            with cluster() as directory, serving(directory) as told:
                tell_and_wait(told)
        case ["cluster"]:
            with cluster() as directory:
                signal.signal(signal.SIGUSR1, lambda *_: crash_postgres(directory, owner()))
                tell_and_wait({"socket": directory, "psql": f"{binaries()}/psql"})
        case ["serve", directory]:
            with serving(directory) as told:
                tell_and_wait(told)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    # Ended by a signal, it cleans up all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main(sys.argv[1:])
