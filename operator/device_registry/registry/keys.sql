-- Keys of devices, as they are stored: encrypted.

-- name: keys
SELECT c.tenant, c.device_id, c.attribute, c.key_id, c.sealed FROM credential c
JOIN unnest(%(tenants)s::text[], %(ids)s::text[]) AS wanted(tenant, id) ON (c.tenant, c.device_id) = (wanted.tenant, wanted.id)

-- name: save_keys
INSERT INTO credential (tenant, device_id, attribute, key_id, sealed, stored)
SELECT %(tenant)s, %(id)s, attribute, key_id, sealed, %(now)s
FROM unnest(%(attributes)s::text[], %(key_ids)s::text[], %(boxes)s::bytea[]) AS row(attribute, key_id, sealed)
ON CONFLICT (tenant, device_id, attribute) DO UPDATE
SET key_id = excluded.key_id, sealed = excluded.sealed, stored = excluded.stored

-- name: drop_keys
DELETE FROM credential WHERE tenant = %(tenant)s AND device_id = %(id)s AND attribute = ANY(%(attributes)s)

-- name: keys_of
-- What the facade opens for /internal/device.
SELECT device_id, attribute, key_id, sealed FROM credential WHERE tenant = %(tenant)s AND device_id = ANY(%(ids)s)
