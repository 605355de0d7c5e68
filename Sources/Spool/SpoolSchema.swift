internal import Database

/// The spool's tables. `user_version` counts the steps; a step is never changed once a release has it.
enum SpoolSchema {
    static let migrations = Migrations([
        """
        -- What the file says of itself: `log`, its random id.
        CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        -- A lane's place in the numbering, its count, and the gate's state, all moved by the commit of its scans.
        CREATE TABLE lane(
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
            seq INTEGER NOT NULL, appended INTEGER NOT NULL, state BLOB NOT NULL);
        CREATE TABLE device(name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
        -- wire: the scan's JSON object as it will be sent.
        CREATE TABLE scan(n INTEGER PRIMARY KEY, lane INTEGER NOT NULL, wire BLOB NOT NULL);
        CREATE INDEX scan_by_lane ON scan(lane, n);
        CREATE TABLE grp(name TEXT PRIMARY KEY) WITHOUT ROWID;
        -- Every scan of the lane up to n is settled for the group; settled counts them.
        CREATE TABLE cursor(
            grp TEXT NOT NULL, lane INTEGER NOT NULL, n INTEGER NOT NULL, settled INTEGER NOT NULL,
            PRIMARY KEY(grp, lane)) WITHOUT ROWID;
        -- The few: rejected, held, sent back ('requeued') or given up ('discarded') by a person.
        CREATE TABLE exception(
            grp TEXT NOT NULL, n INTEGER NOT NULL, lane INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
            attempts INTEGER NOT NULL, PRIMARY KEY(grp, n)) WITHOUT ROWID;
        -- Every ten minutes of scanning: which scan came last when, so that age costs no column.
        CREATE TABLE mark(n INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL, synced INTEGER NOT NULL);
        """,
        """
        -- Lanes that were cut over: which of their scans are which primary's, those behind `since` and up to `until`, or all
        -- that come where that is null; `total` counts the lane's scans up to there. A lane without a row is the main
        -- primary's.
        CREATE TABLE assignment(
            lane INTEGER NOT NULL, grp TEXT NOT NULL, until INTEGER, total INTEGER NOT NULL, since INTEGER NOT NULL,
            PRIMARY KEY(lane, grp)) WITHOUT ROWID;
        -- Lanes that move with their next bag.
        CREATE TABLE cutover(lane INTEGER PRIMARY KEY, source TEXT NOT NULL, target TEXT NOT NULL);
        """,
    ])

    /// Settings of every connection: FULL makes each commit durable (sqlite.org/pragma.html#pragma_synchronous);
    /// checkpoints are the owner's business, never a COMMIT's.
    static func prepare(_ connection: Connection) throws(DatabaseError) {
        // Before the first table, or SQLite ignores it. In a file that has it SQLite would write a page for it with each open,
        // for which a full filesystem has no room.
        if try connection.first("PRAGMA auto_vacuum", row: { $0.integer(0) }) != 2 {
            try connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        }
        try connection.execute("PRAGMA journal_mode = WAL")
        try connection.execute("PRAGMA synchronous = FULL")
        try connection.execute("PRAGMA wal_autocheckpoint = 0")
        // The largest commit (the intake's queue) stays in memory until it is whole: what SQLite has to write out before
        // that, and then changes again, makes it read the whole commit back for the checksums. KiB, taken as needed.
        try connection.execute("PRAGMA cache_size = -12288")
        // A WAL that one long read made large is cut down when it starts over.
        try connection.execute("PRAGMA journal_size_limit = 16777216")
    }
}
