PRAGMA auto_vacuum = 0;
BEGIN TRANSACTION;
CREATE TABLE audit(
    n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
    subject TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL);
INSERT INTO "audit" VALUES(1,1795308189726,'root (uid 0, pid 25726)','device add','scanner-1','kind=serial lane=table-1 {"ack":"true","port":"/dev/serial/by-id/usb-Example_Scanner_1-if00"}',X'25767D17C2A48B17D7ED5B8BB4FFAD5DE87F546002BA2EF3EC3FEF37EDAFA696');
INSERT INTO "audit" VALUES(2,1795308189832,'root (uid 0, pid 25733)','device add','scanner-2','kind=serial lane=table-2 {"ack":"true","port":"/dev/serial/by-id/usb-Example_Scanner_2-if00"}',X'F73E210D0849181CD65BA6B6D5B1BF262084D8212B34E1AF969D74E77C10408C');
CREATE TABLE device(
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, lane TEXT NOT NULL, roles TEXT NOT NULL,
    enabled INTEGER NOT NULL, options TEXT NOT NULL, added_ms INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "device" VALUES('scanner-1','serial','table-1','child,parent',1,'{"ack":"true","port":"/dev/serial/by-id/usb-Example_Scanner_1-if00"}',1795308189724);
INSERT INTO "device" VALUES('scanner-2','serial','table-2','child,parent',1,'{"ack":"true","port":"/dev/serial/by-id/usb-Example_Scanner_2-if00"}',1795308189832);
CREATE TABLE device_key(
    device TEXT NOT NULL, kid TEXT NOT NULL, alg TEXT NOT NULL, sealed BLOB NOT NULL, state TEXT NOT NULL,
    made_ms INTEGER NOT NULL, PRIMARY KEY(device, kid)) WITHOUT ROWID;
INSERT INTO "device_key" VALUES('scanner-1','175a335ef5c32baa','hs256',X'FE555B16EFCE8A73E1005A9E25CD91F98A2ACF605C1BAA4ED29452A73E93829109C61F31AF569EBA1C40708885292A62C5CD0684B7CDAA4FB1FE74FF','current',1795308189726);
INSERT INTO "device_key" VALUES('scanner-2','adce1eeb333ae72e','hs256',X'50BDE3699E6865FCECA552A7EE39FEFBB92C7C9D99261E1B0196EA30C981FC9A5AE080CDF6B0D04E833356EA30E5A984D3F381CF8FC567BDD11C7B87','current',1795308189832);
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('audit','2 9z4hDQhJGBzWW6a21bG_JiCE2CErNOGvlp1053wQQIw TE5sHs7rEZ_bDmoxOfn17B1F0WBWAQVlDupArtkdwvc');
COMMIT;
PRAGMA user_version = 1;
