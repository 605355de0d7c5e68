"""Contract tracetrack-devices for TraceTrack: signed batches on /api/fast_parent_scan, beside the form post.

In TraceTrack's main module, after everything else is set up:

    from devices import install
    install(app)
"""
import os

from flask import Flask, Response, request

from .commands import commands
from .incoming import is_batch
from .view import receive

PATH = "/api/fast_parent_scan"


def install(app: Flask) -> None:
    """Lets batches go the new way; every other request goes on as before."""
    app.config.setdefault("DEVICES_DATABASE_URL", os.environ.get("DATABASE_URL", ""))
    app.config.setdefault("DEVICES_CHILDREN_PER_PARENT", 30)
    app.cli.add_command(commands)
    # First of all: CSRF, session and rate limit checks are for browsers, and a batch proves itself. Whatever is no
    # batch falls through to them and to the view that has the url.
    app.before_request_funcs.setdefault(None, []).insert(0, dispatch)


def dispatch() -> Response | None:
    """Takes a batch out of the old way; None leaves a request where it is."""
    return receive(request) if request.path == PATH and is_batch(request) else None
