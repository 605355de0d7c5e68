-- What tracetrack-devices adds to TraceTrack's database. New tables only: no existing table is changed, locked or
-- rewritten, so it runs while TraceTrack serves, and the old code goes on without knowing of it.
--
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f migrations/001_devices.sql
--
-- Undone by 001_devices_down.sql.
BEGIN;
SET LOCAL lock_timeout = '2s';

-- A gateway, and the TraceTrack account that its scans are counted under.
CREATE TABLE device_gateway (
    gateway    text PRIMARY KEY CHECK (gateway ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
    user_id    integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- How a gateway proves itself: it signs with `secret` (RFC 9421, HMAC), or it shows a token, of which only the SHA-256
-- is kept.
CREATE TABLE device_gateway_key (
    keyid        text PRIMARY KEY,
    gateway      text NOT NULL REFERENCES device_gateway,
    secret       bytea CHECK (octet_length(secret) = 32),
    token_sha256 bytea UNIQUE CHECK (octet_length(token_sha256) = 32),
    created_at   timestamptz NOT NULL DEFAULT now(),
    revoked_at   timestamptz,
    CHECK ((secret IS NULL) <> (token_sha256 IS NULL))
);

-- The key registry: one row a device's key. A device keeps its old key's row after `scangate device rotate-key`, until
-- no scan waits under it.
CREATE TABLE device_key (
    kid         text PRIMARY KEY CHECK (kid ~ '^[0-9a-f]{16}$'),
    gateway     text NOT NULL REFERENCES device_gateway,
    dev         text NOT NULL CHECK (dev ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
    alg         text NOT NULL CHECK (alg IN ('hs256', 'ed25519')),
    key         bytea NOT NULL CHECK (octet_length(key) = 32),
    created_at  timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    revoked_at  timestamptz
);

-- Every scan that was accepted from a device. The unique indexes are what stops a replay: keep the rows.
-- `scan_id` is the row of TraceTrack's `scan`, without a foreign key: TraceTrack deletes rows of `scan` (undo), and
-- what was accepted must be known after that. With `label`, `raw` and `sig` a row can be verified again years later.
CREATE TABLE device_scan (
    event_id     uuid PRIMARY KEY,
    scan_id      bigint,
    gateway      text NOT NULL,
    dev          text NOT NULL,
    kid          text NOT NULL,
    log          text NOT NULL,
    seq          bigint NOT NULL,
    lane         text NOT NULL,
    lane_seq     bigint NOT NULL,
    captured_at  timestamptz,
    clock_synced boolean NOT NULL,
    boot         uuid NOT NULL,
    mono_ms      bigint NOT NULL,
    action       text NOT NULL,
    role         text NOT NULL,
    label        bytea NOT NULL,
    raw          bytea,
    parent       text NOT NULL,
    operator     text NOT NULL,
    corrects     uuid,
    sym          text NOT NULL,
    aim          text NOT NULL,
    sig          bytea NOT NULL,
    batch_id     uuid NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gateway, dev, log, seq)
);
-- "Who scanned at table-1 yesterday?"
CREATE INDEX device_scan_captured ON device_scan (gateway, lane, captured_at);

-- Idempotency: the answer to a batch, for 24 hours and a little (devices/store.py clears it away).
CREATE TABLE device_batch (
    gateway     text NOT NULL,
    batch_id    uuid NOT NULL,
    digest      bytea NOT NULL,
    reply       bytea,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (gateway, batch_id)
);
CREATE INDEX device_batch_received ON device_batch (received_at);

COMMIT;
