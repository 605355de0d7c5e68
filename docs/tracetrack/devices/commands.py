"""`flask devices …`: who may send, which keys are known, and what has come."""
import hashlib
import json
import secrets
import sys
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup

from .database import transaction
from .scan import b64u, key_id, unb64u

commands = AppGroup("devices", help="Gateways and scanners of the contract tracetrack-devices.")


def _dsn() -> str:
    return current_app.config["DEVICES_DATABASE_URL"]


@commands.command()
@click.argument("name")
@click.option("--user", required=True, help="the TraceTrack account that its scans are counted under")
@click.option("--bearer", is_flag=True, help="a bearer token instead of a signing key")
@click.option("--key-file", type=click.File(), help="a key that the gateway has already, 32 bytes in base64url")
def gateway(name: str, user: str, bearer: bool, key_file: Any) -> None:
    """Registers a gateway and prints its secret, once: into the file of the gateway's `auth`."""
    secret = read_secret(key_file.read()) if key_file else secrets.token_bytes(32)
    token = b64u(secret)
    with transaction(_dsn()) as cursor:
        cursor.execute('SELECT id FROM "user" WHERE username = %s', (user,))
        row = cursor.fetchone()
        if row is None:
            raise click.ClickException(f"TraceTrack has no account {user!r}: make one, then try again")
        cursor.execute(
            "INSERT INTO device_gateway (gateway, user_id) VALUES (%s, %s)"
            " ON CONFLICT (gateway) DO UPDATE SET user_id = excluded.user_id", (name, row[0]))
        cursor.execute(
            "INSERT INTO device_gateway_key (keyid, gateway, secret, token_sha256) VALUES (%s, %s, %s, %s)",
            (f"{name}:{key_id(secret)}", name, None if bearer else secret,
             hashlib.sha256(token.encode()).digest() if bearer else None))
    click.echo(f"{name}:{key_id(secret)}", err=True)
    click.echo(token)


def read_secret(text: str) -> bytes:
    """The key of a gateway's key file; raises ClickException."""
    try:
        secret = unb64u(text.strip())
    except ValueError as error:
        raise click.ClickException(f"the key file {error}") from error
    # An empty file would make a key that anybody has.
    if len(secret) != 32:
        raise click.ClickException("the key file must hold 32 bytes in base64url without padding")
    return secret


@commands.command()
def register() -> None:
    """Reads the lines of `scangate device export --reveal` and registers the keys; known ones stay as they are."""
    new = 0
    with transaction(_dsn()) as cursor:
        for number, line in enumerate(filter(str.strip, sys.stdin), 1):
            try:
                row = _key(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise click.ClickException(f"line {number}: {error}; nothing was registered") from error
            cursor.execute(
                "INSERT INTO device_key (kid, gateway, dev, alg, key) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (kid) DO NOTHING", row)
            new += cursor.rowcount
    click.echo(f"{new} new keys")


def _key(line: dict[str, Any]) -> tuple[str, str, str, str, bytes]:
    alg = line.get("alg", "hs256")
    key = unb64u(line["key"])
    if alg not in ("hs256", "ed25519") or len(key) != 32:
        raise ValueError("alg must be hs256 or ed25519, and key 32 bytes in base64url without padding")
    if line.get("kid", key_id(key)) != key_id(key):
        raise ValueError("kid is not the id of the key")
    return key_id(key), line["gateway"], line["name"], alg, key


def _mark(kid: str, change: str) -> None:
    with transaction(_dsn()) as cursor:
        cursor.execute(f"UPDATE device_key SET {change} WHERE kid = %s", (kid,))
        if cursor.rowcount == 0:
            raise click.ClickException(f"no key {kid} is registered: flask devices list shows them")


@commands.command()
@click.argument("kid")
def revoke(kid: str) -> None:
    """Its scans are answered `revoked_key` from now on."""
    _mark(kid, "revoked_at = coalesce(revoked_at, now())")


@commands.command()
@click.argument("kid")
def disable(kid: str) -> None:
    """Its scans are answered `not_permitted` until `enable`: the gateway keeps them and asks again."""
    _mark(kid, "disabled_at = coalesce(disabled_at, now())")


@commands.command()
@click.argument("kid")
def enable(kid: str) -> None:
    """Takes its scans again."""
    _mark(kid, "disabled_at = NULL")


@commands.command("revoke-gateway")
@click.argument("keyid")
def revoke_gateway(keyid: str) -> None:
    """A gateway's key or token, KEYID as `gateway` printed it, is answered 401 from now on."""
    with transaction(_dsn()) as cursor:
        cursor.execute(
            "UPDATE device_gateway_key SET revoked_at = coalesce(revoked_at, now()) WHERE keyid = %s", (keyid,))
        if cursor.rowcount == 0:
            raise click.ClickException(f"no key {keyid} is registered")


@commands.command("list")
def show() -> None:
    """Each scanner: its key, how many scans were accepted, when it was last captured, how late that came."""
    with transaction(_dsn()) as cursor:
        cursor.execute(
            "SELECT k.gateway, k.dev, k.kid, k.alg,"
            " CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' WHEN k.disabled_at IS NOT NULL THEN 'disabled'"
            " ELSE 'active' END, count(s.event_id), max(s.captured_at), max(s.received_at - s.captured_at)"
            " FROM device_key AS k LEFT JOIN device_scan AS s"
            " ON s.kid = k.kid AND s.received_at > now() - interval '1 day'"
            " GROUP BY k.kid ORDER BY 1, 2")
        click.echo("gateway\tdevice\tkid\talg\tstate\tscans of 24 h\tlast captured\tlargest delay")
        for row in cursor:
            click.echo("\t".join("-" if cell is None else str(cell) for cell in row))
