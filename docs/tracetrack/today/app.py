"""A STAND-IN for TraceTrack as it stands today, for tests: login, CSRF, and the form post of /api/fast_parent_scan.

Written from the contract tracetrack-web; it shows what `devices.install` must leave alone. The last line is the only
one that TraceTrack needs.
"""
import os
import re
import secrets
from typing import Any

import psycopg2
from flask import Flask, Response, jsonify, redirect, request, session
from werkzeug.security import check_password_hash

from devices import install

app = Flask(__name__)
app.secret_key = os.environ.get("SESSION_SECRET", "for tests only")
app.config["SESSION_COOKIE_NAME"] = "traitortrack_session"


@app.before_request
def check_csrf() -> Any:
    """What Flask-WTF does: every POST carries the session's token, or is refused."""
    if request.method != "POST" or request.path == "/login":
        return None
    token = request.headers.get("X-CSRFToken") or request.form.get("csrf_token")
    if not token or token != session.get("csrf_token"):
        return jsonify(success=False, message="Security token expired. Please refresh the page", error_code="CSRF"), 400
    return None


@app.get("/login")
def login_page() -> str:
    """The form with its token."""
    token = session.setdefault("csrf_token", secrets.token_urlsafe(16))
    return f'<meta name="csrf-token" content="{token}">'


@app.post("/login")
def login() -> Any:
    """302 to the dashboard, or the login page once more."""
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute('SELECT id, password_hash FROM "user" WHERE username = %s', (request.form["username"],))
        row = cursor.fetchone()
    if row is None or not check_password_hash(row[1], request.form["password"]):
        return login_page()
    session["user_id"] = row[0]
    return redirect("/dashboard")


@app.post("/api/fast_parent_scan")
def fast_parent_scan() -> Any:
    """One parent scan as a form: JSON is never parsed, and a scan row is always inserted."""
    if "user_id" not in session:
        return jsonify(success=False, message="Authentication required", auth_required=True), 401
    label = request.form.get("qr_code", "").strip().upper()
    if not label:
        return jsonify(success=False, message="No QR code provided"), 400
    if not re.fullmatch(r"SB[0-9]{5}", label):
        return jsonify(success=False, message="Invalid parent bag QR code", show_popup=True), 400
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO bag (qr_id, type) VALUES (%s, 'parent') ON CONFLICT DO NOTHING", (label,))
        cursor.execute("SELECT id, type FROM bag WHERE qr_id = %s", (label,))
        bag_id, kind = cursor.fetchone()
        if kind != "parent":
            return jsonify(success=False, message=f"{label} is a child bag, not a parent bag"), 400
        cursor.execute("INSERT INTO scan (parent_bag_id, user_id) VALUES (%s, %s)", (bag_id, session["user_id"]))
    return jsonify(
        success=True, message=f"Parent bag {label} scanned", parent_qr=label, redirect="/scan/child", time_ms=1)


@app.after_request
def count(response: Response) -> Response:
    """Stands for what TraceTrack adds to every answer."""
    response.headers["X-Request-ID"] = request.headers.get("X-Request-ID", secrets.token_hex(8))
    return response


install(app)
