-- Undoes 001_devices.sql. Bags, links and scan rows that devices made stay where they are: they are TraceTrack's own.
-- What goes is who scanned them and when, and the keys: `pg_dump -t 'device_*'` first.
BEGIN;
SET LOCAL lock_timeout = '2s';
DROP TABLE device_batch, device_scan, device_key, device_gateway_key, device_gateway;
COMMIT;
