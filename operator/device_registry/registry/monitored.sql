-- The registry as the monitor reads it.

-- name: tenants
SELECT name FROM tenant

-- name: device_timeouts
-- The first such attribute counts, in the order of the device's templates; overrides are not looked at.
SELECT d.id, (
    SELECT a.static_value
    FROM device_template u
    JOIN template_attribute a ON (a.tenant, a.template_id) = (u.tenant, u.template_id)
    WHERE (u.tenant, u.device_id) = (d.tenant, d.id)
      AND a.parent_id IS NULL AND a.type = 'meta' AND a.label = 'device_timeout'
    ORDER BY u.position, a.position
    LIMIT 1
) AS timeout
FROM device d WHERE d.tenant = %(tenant)s AND d.id = ANY(%(ids)s)
