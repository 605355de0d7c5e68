internal import Database

/// The registry's tables. A step is never changed once a release has it.
enum IdentitySchema {
    static let migrations = Migrations([
        """
        CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE device(
            name TEXT PRIMARY KEY, kind TEXT NOT NULL, lane TEXT NOT NULL, roles TEXT NOT NULL,
            enabled INTEGER NOT NULL, options TEXT NOT NULL, added_ms INTEGER NOT NULL) WITHOUT ROWID;
        -- sealed: the key under the sealing key, bound to the device's name and the kid.
        CREATE TABLE device_key(
            device TEXT NOT NULL, kid TEXT NOT NULL, alg TEXT NOT NULL, sealed BLOB NOT NULL, state TEXT NOT NULL,
            made_ms INTEGER NOT NULL, PRIMARY KEY(device, kid)) WITHOUT ROWID;
        -- Each row's hash covers the one before, and meta's 'audit' the last: see AuditLog.
        CREATE TABLE audit(
            n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
            subject TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL);
        """
    ])
}
