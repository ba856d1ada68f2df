-- What people ask the registry with `device-manager`: each statement reads, none locks or writes.
-- The scope is the same everywhere: all rows, or those of some tenants and those claimed from some namespaces.

-- name: leader
SELECT holder, epoch, since FROM leadership WHERE id = 1

-- name: outbox
SELECT tenant, count(*) FILTER (WHERE quarantined IS NULL) AS waiting,
       count(*) FILTER (WHERE quarantined IS NOT NULL AND dropped IS NULL) AS quarantined,
       coalesce(extract(epoch FROM now() - min(created) FILTER (WHERE quarantined IS NULL)), 0)::float AS age
FROM outbox WHERE sent IS NULL GROUP BY tenant ORDER BY tenant

-- name: tenants
SELECT t.name, t.namespace,
       coalesce(d.rows, 0) AS devices, coalesce(d.unclaimed, 0) AS unclaimed_devices,
       coalesce(p.rows, 0) AS templates, coalesce(p.unclaimed, 0) AS unclaimed_templates
FROM tenant t
LEFT JOIN (SELECT tenant, count(*) AS rows,
                  count(*) FILTER (WHERE unclaimed_since IS NOT NULL OR claim_name IS NULL) AS unclaimed
           FROM device GROUP BY tenant) d ON d.tenant = t.name
LEFT JOIN (SELECT tenant, count(*) AS rows,
                  count(*) FILTER (WHERE unclaimed_since IS NOT NULL OR claim_name IS NULL) AS unclaimed
           FROM template GROUP BY tenant) p ON p.tenant = t.name
ORDER BY t.name

-- name: unclaimed
SELECT * FROM (
    SELECT 'Device' AS kind, tenant, id, NULL::int AS number, label, claim_namespace, claim_name, claim_uid,
           unclaimed_since FROM device WHERE unclaimed_since IS NOT NULL OR claim_name IS NULL
    UNION ALL
    SELECT 'Template', tenant, id::text, id, label, claim_namespace, claim_name, claim_uid,
           unclaimed_since FROM template WHERE unclaimed_since IS NOT NULL OR claim_name IS NULL) AS row
WHERE %(all)s OR tenant = ANY(%(tenants)s) OR claim_namespace = ANY(%(namespaces)s)
ORDER BY tenant, kind DESC, number, id COLLATE "C"

-- name: device_refs
SELECT tenant, id FROM device
WHERE (tenant, id) > (%(tenant)s, %(id)s)
  AND (%(all)s OR tenant = ANY(%(tenants)s) OR claim_namespace = ANY(%(namespaces)s))
ORDER BY tenant, id LIMIT %(limit)s

-- name: templates
SELECT * FROM template
WHERE %(all)s OR tenant = ANY(%(tenants)s) OR claim_namespace = ANY(%(namespaces)s)
ORDER BY tenant, id

-- name: publications
-- Where the stream of each subject is: its last sequence, and what of it is not in Kafka.
SELECT s.tenant, s.subject, s.sequence, coalesce(o.waiting, 0) AS waiting,
       coalesce(o.quarantined, 0) AS quarantined
FROM event_stream s
LEFT JOIN (SELECT tenant, subject, count(*) FILTER (WHERE quarantined IS NULL) AS waiting,
                  count(*) FILTER (WHERE quarantined IS NOT NULL AND dropped IS NULL) AS quarantined
           FROM outbox WHERE sent IS NULL GROUP BY tenant, subject) o USING (tenant, subject)
WHERE s.tenant = ANY(%(tenants)s)
ORDER BY s.tenant, s.subject
