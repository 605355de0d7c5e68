-- A STAND-IN, for tests: as much of TraceTrack's tables as the devices way touches, after its public versions of late
-- 2025. The real ones have more columns. Never run this on TraceTrack's database.
CREATE TABLE "user" (
    id            serial PRIMARY KEY,
    username      varchar(64) NOT NULL UNIQUE,
    password_hash varchar(256) NOT NULL
);
CREATE TABLE bag (
    id         serial PRIMARY KEY,
    qr_id      varchar(255) NOT NULL UNIQUE,
    type       varchar(10) NOT NULL,
    created_at timestamp
);
CREATE UNIQUE INDEX bag_qr_id_upper ON bag (upper(qr_id));
CREATE TABLE link (
    id            serial PRIMARY KEY,
    parent_bag_id integer NOT NULL REFERENCES bag ON DELETE CASCADE,
    child_bag_id  integer NOT NULL REFERENCES bag ON DELETE CASCADE,
    created_at    timestamp,
    UNIQUE (parent_bag_id, child_bag_id)
);
CREATE INDEX link_child ON link (child_bag_id);
CREATE TABLE scan (
    id            serial PRIMARY KEY,
    "timestamp"   timestamp,
    parent_bag_id integer REFERENCES bag,
    child_bag_id  integer REFERENCES bag,
    user_id       integer NOT NULL REFERENCES "user"
);
