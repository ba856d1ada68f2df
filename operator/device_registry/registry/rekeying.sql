-- Keys of devices after the password was changed.

-- name: key_counts
SELECT key_id, count(*) AS keys FROM credential GROUP BY key_id

-- name: keys_of_others
SELECT tenant, device_id, attribute, key_id, sealed FROM credential
WHERE key_id <> %(key_id)s AND (tenant, device_id, attribute) > (%(tenant)s, %(device)s, %(attribute)s)
ORDER BY tenant, device_id, attribute LIMIT %(limit)s

-- name: replace_keys
-- Only what is still as it was read: the operator may have stored another key since. `stored` stays as it is.
UPDATE credential c SET key_id = wanted.key_id, sealed = wanted.box
FROM unnest(%(tenants)s::text[], %(devices)s::text[], %(attributes)s::text[], %(befores)s::bytea[],
            %(key_ids)s::text[], %(boxes)s::bytea[]) AS wanted(tenant, device, attribute, before, key_id, box)
WHERE (c.tenant, c.device_id, c.attribute, c.sealed) = (wanted.tenant, wanted.device, wanted.attribute, wanted.before)
RETURNING c.attribute
