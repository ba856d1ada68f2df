-- Every statement of the registry's writer. A name, one line on why, the statement.
-- Rows come and go as arrays (unnest): a batch costs one statement for each table, whatever its size.

-- name: current_epoch
-- Every writing transaction holds the leader's row, so a new leader waits for it and an old one is refused.
SELECT epoch FROM leadership WHERE id = 1 FOR SHARE

-- name: take_lead
INSERT INTO leadership (id, epoch, holder, since) VALUES (1, 1, %(holder)s, now())
ON CONFLICT (id) DO UPDATE SET epoch = leadership.epoch + 1, holder = excluded.holder, since = excluded.since
RETURNING epoch

-- name: tenant_claim
-- Locked: of two transactions that register the same new device the second must see the row of the first.
SELECT namespace, explicit, bound FROM tenant WHERE name = %(tenant)s FOR NO KEY UPDATE

-- name: make_tenant
INSERT INTO tenant (name) VALUES (%(tenant)s) ON CONFLICT (name) DO NOTHING

-- name: bind_tenant
INSERT INTO tenant (name, namespace, explicit, bound)
VALUES (%(tenant)s, %(namespace)s, %(explicit)s, %(since)s)
ON CONFLICT (name) DO UPDATE
SET namespace = excluded.namespace, explicit = excluded.explicit, bound = excluded.bound

-- name: unbind_tenant
UPDATE tenant SET namespace = NULL, explicit = false, bound = NULL WHERE name = %(tenant)s

-- name: tenants_of
SELECT name FROM tenant WHERE namespace = %(namespace)s ORDER BY name

-- name: bound_namespaces
SELECT namespace, name FROM tenant WHERE namespace IS NOT NULL ORDER BY name

-- name: has_claimed
SELECT EXISTS (SELECT FROM device WHERE tenant = %(tenant)s AND claim_namespace = %(namespace)s
               AND unclaimed_since IS NULL)
    OR EXISTS (SELECT FROM template WHERE tenant = %(tenant)s AND claim_namespace = %(namespace)s
               AND unclaimed_since IS NULL) AS claimed

-- name: resources
SELECT kind, namespace, name FROM outcome WHERE tenant = %(tenant)s AND namespace = %(namespace)s
ORDER BY kind, name

-- name: next_template_id
UPDATE tenant SET next_template_id = next_template_id + 1 WHERE name = %(tenant)s
RETURNING next_template_id - 1 AS id

-- name: next_attribute_ids
UPDATE tenant SET next_attribute_id = next_attribute_id + %(count)s WHERE name = %(tenant)s
RETURNING next_attribute_id - %(count)s AS first

-- name: note_pins
-- Ids that a manifest insists on are never given out again.
UPDATE tenant SET next_template_id = greatest(next_template_id, %(template)s + 1),
                  next_attribute_id = greatest(next_attribute_id, %(attribute)s + 1)
WHERE name = %(tenant)s AND (next_template_id <= %(template)s OR next_attribute_id <= %(attribute)s)

-- name: attribute_owners
SELECT id, template_id FROM template_attribute WHERE tenant = %(tenant)s AND id = ANY(%(ids)s)

-- name: templates_by_place
SELECT t.* FROM template t
JOIN unnest(%(namespaces)s::text[], %(names)s::text[]) AS p(namespace, name)
  ON (t.claim_namespace, t.claim_name) = (p.namespace, p.name)
ORDER BY t.tenant, t.id FOR SHARE OF t

-- name: templates_by_id
-- Not locked: who calls this holds device rows, and may not wait for a template behind them.
SELECT t.* FROM template t
JOIN unnest(%(tenants)s::text[], %(ids)s::int[]) AS p(tenant, id) ON (t.tenant, t.id) = (p.tenant, p.id)

-- name: template_for_update
SELECT * FROM template WHERE tenant = %(tenant)s AND id = %(id)s FOR UPDATE

-- name: template_at_place
SELECT * FROM template WHERE claim_namespace = %(namespace)s AND claim_name = %(name)s FOR UPDATE

-- name: attributes_of
SELECT a.* FROM template_attribute a
JOIN unnest(%(tenants)s::text[], %(ids)s::int[]) AS p(tenant, id) ON (a.tenant, a.template_id) = (p.tenant, p.id)
ORDER BY a.position

-- name: save_template
INSERT INTO template (tenant, id, label, revision, created, updated, claim_namespace, claim_name, claim_uid,
                      claim_created, generation, unclaimed_since, terminating, announce, announced_revision)
VALUES (%(tenant)s, %(id)s, %(label)s, %(revision)s, %(created)s, %(updated)s, %(claim_namespace)s,
        %(claim_name)s, %(claim_uid)s, %(claim_created)s, %(generation)s, %(unclaimed_since)s, %(terminating)s,
        %(announce)s, %(announced_revision)s)
ON CONFLICT (tenant, id) DO UPDATE SET label = excluded.label, revision = excluded.revision,
    updated = excluded.updated, claim_namespace = excluded.claim_namespace, claim_name = excluded.claim_name,
    claim_uid = excluded.claim_uid, claim_created = excluded.claim_created,
    generation = excluded.generation, unclaimed_since = excluded.unclaimed_since,
    terminating = excluded.terminating, announce = excluded.announce,
    announced_revision = excluded.announced_revision

-- name: clear_attributes
DELETE FROM template_attribute WHERE tenant = %(tenant)s AND template_id = %(id)s

-- name: save_attributes
INSERT INTO template_attribute (tenant, template_id, id, parent_id, position, label, type, value_type,
                                static_value, created, updated)
SELECT %(tenant)s, %(template)s, * FROM unnest(%(ids)s::int[], %(parents)s::int[], %(positions)s::smallint[],
    %(labels)s::text[], %(types)s::text[], %(value_types)s::text[], %(static_values)s::text[],
    %(created)s::timestamptz[], %(updated)s::timestamptz[])

-- name: seal_template
-- The checksum covers what a manifest declares: registering the template again repairs exactly that.
UPDATE template t SET checksum = encode(sha256(convert_to(t.label || coalesce((
    SELECT string_agg(ROW(parent_id IS NULL, label, type, value_type, static_value)::text, '' ORDER BY position)
    FROM template_attribute a WHERE (a.tenant, a.template_id) = (t.tenant, t.id)), ''), 'UTF8')), 'hex')
WHERE tenant = %(tenant)s AND id = %(id)s

-- name: remove_template
DELETE FROM template WHERE tenant = %(tenant)s AND id = %(id)s

-- name: mark_propagated
UPDATE template SET propagated_revision = %(revision)s WHERE tenant = %(tenant)s AND id = %(id)s

-- name: unpropagated
SELECT tenant, id FROM template WHERE propagated_revision < revision ORDER BY tenant, id

-- name: usage
SELECT count(*) AS total, count(*) FILTER (WHERE d.revision = t.revision) AS current,
       count(*) FILTER (WHERE d.tried_revision < t.revision) AS stale
FROM template t JOIN device_template d ON (d.tenant, d.template_id) = (t.tenant, t.id)
WHERE t.tenant = %(tenant)s AND t.id = %(id)s

-- name: users
SELECT device_id FROM device_template WHERE tenant = %(tenant)s AND template_id = %(id)s
ORDER BY device_id LIMIT %(limit)s

-- name: lock_devices
-- Two lookups by index instead of one OR, which would read the whole table.
SELECT d.tenant, d.id FROM device d
WHERE (d.tenant, d.id) IN (
    SELECT tenant, id FROM unnest(%(tenants)s::text[], %(ids)s::text[]) AS wanted(tenant, id)
    UNION
    SELECT c.tenant, c.id FROM device c
    JOIN unnest(%(namespaces)s::text[], %(names)s::text[]) AS place(namespace, name)
      ON (c.claim_namespace, c.claim_name) = (place.namespace, place.name))
ORDER BY d.tenant, d.id FOR UPDATE

-- name: lock_stale_devices
SELECT d.tenant, d.id FROM device d
WHERE (d.tenant, d.id) IN (
    SELECT tenant, device_id FROM device_template
    WHERE tenant = %(tenant)s AND template_id = %(template)s AND tried_revision < %(revision)s
    ORDER BY device_id LIMIT %(limit)s)
ORDER BY d.tenant, d.id FOR UPDATE

-- name: devices
-- Apart from the locking: a statement that waited for a lock sees the row anew, but what it joins as of its start.
-- A row that was changed by hand does not fit its checksum any more.
SELECT d.*, p.template_ids, p.template_revisions,
       d.checksum = encode(sha256(convert_to(ROW(d.label, d.spec, d.document, d.hash, d.terms, d.revision,
                               extract(epoch FROM d.created), extract(epoch FROM d.updated))::text, 'UTF8')), 'hex') AS intact
FROM unnest(%(tenants)s::text[], %(ids)s::text[]) AS wanted(tenant, id)
JOIN device d ON (d.tenant, d.id) = (wanted.tenant, wanted.id)
LEFT JOIN LATERAL (
    SELECT array_agg(template_id ORDER BY position) AS template_ids,
           array_agg(revision ORDER BY position) AS template_revisions
    FROM device_template dt WHERE (dt.tenant, dt.device_id) = (d.tenant, d.id)) AS p ON true
ORDER BY d.tenant, d.id

-- name: save_devices
-- The checksum is made of what is stored; a row that was found changed gets none until it is rendered anew.
-- `created` and `updated` count as numbers, so that no setting of a session changes the checksum.
INSERT INTO device (tenant, id, label, spec, document, hash, terms, checksum, revision, created, updated,
                    claim_namespace, claim_name, claim_uid, claim_created, generation, unclaimed_since)
SELECT tenant, id, label, spec, document, hash, terms::text[],
       CASE WHEN intact THEN encode(sha256(convert_to(ROW(label, spec, document, hash, terms::text[], revision,
                                           extract(epoch FROM created), extract(epoch FROM updated))::text, 'UTF8')), 'hex')
            ELSE '' END,
       revision, created, updated, claim_namespace, claim_name, claim_uid, claim_created, generation,
       unclaimed_since
FROM unnest(%(tenant)s::text[], %(id)s::text[], %(label)s::text[], %(spec)s::text[], %(document)s::text[],
            %(hash)s::text[], %(terms)s::text[], %(revision)s::bigint[], %(created)s::timestamptz[],
            %(updated)s::timestamptz[], %(claim_namespace)s::text[], %(claim_name)s::text[],
            %(claim_uid)s::text[], %(claim_created)s::timestamptz[], %(generation)s::bigint[],
            %(unclaimed_since)s::timestamptz[], %(intact)s::boolean[])
  AS row(tenant, id, label, spec, document, hash, terms, revision, created, updated, claim_namespace,
         claim_name, claim_uid, claim_created, generation, unclaimed_since, intact)
ON CONFLICT (tenant, id) DO UPDATE SET label = excluded.label, spec = excluded.spec,
    document = excluded.document, hash = excluded.hash, terms = excluded.terms,
    checksum = excluded.checksum, revision = excluded.revision, created = excluded.created,
    updated = excluded.updated, claim_namespace = excluded.claim_namespace, claim_name = excluded.claim_name,
    claim_uid = excluded.claim_uid, claim_created = excluded.claim_created,
    generation = excluded.generation, unclaimed_since = excluded.unclaimed_since

-- name: yield_claims
-- A row that changes hands within a batch must not meet its former holder in the unique index.
UPDATE device d SET claim_namespace = NULL, claim_name = NULL
FROM unnest(%(tenants)s::text[], %(ids)s::text[], %(namespaces)s::text[], %(names)s::text[])
  AS row(tenant, id, namespace, name)
WHERE (d.claim_namespace, d.claim_name) = (row.namespace, row.name) AND (d.tenant, d.id) <> (row.tenant, row.id)

-- name: drop_device_templates
DELETE FROM device_template d
USING unnest(%(tenants)s::text[], %(devices)s::text[], %(templates)s::text[]) AS row(tenant, device, templates)
WHERE (d.tenant, d.device_id) = (row.tenant, row.device)
  AND d.template_id <> ALL (string_to_array(row.templates, ',')::int[])

-- name: save_device_templates
INSERT INTO device_template (tenant, device_id, template_id, position, revision, tried_revision)
SELECT tenant, device, template, position, revision, revision
FROM unnest(%(tenants)s::text[], %(devices)s::text[], %(templates)s::int[], %(positions)s::smallint[],
            %(revisions)s::bigint[]) AS row(tenant, device, template, position, revision)
ON CONFLICT (tenant, device_id, template_id) DO UPDATE
SET position = excluded.position, revision = excluded.revision, tried_revision = excluded.tried_revision

-- name: mark_tried
UPDATE device_template SET tried_revision = %(revision)s
WHERE tenant = %(tenant)s AND template_id = %(template)s AND device_id = ANY(%(devices)s)

-- name: remove_devices
DELETE FROM device d USING unnest(%(tenants)s::text[], %(ids)s::text[]) AS row(tenant, id)
WHERE (d.tenant, d.id) = (row.tenant, row.id)

-- name: departed
-- What a deletion budget is held against; asked only while there is one.
SELECT (SELECT count(*) FROM departure WHERE tenant = %(tenant)s AND left_at > %(since)s) AS "left",
       (SELECT count(*) FROM device WHERE tenant = %(tenant)s) AS rows,
       (SELECT count(*) FROM outcome
        WHERE tenant = %(tenant)s AND kind = 'Device' AND reason = 'DeletionHeld') AS held

-- name: prune_departures
DELETE FROM departure WHERE left_at <= %(before)s

-- name: note_departures
INSERT INTO departure (tenant, left_at) SELECT tenant, %(now)s FROM unnest(%(tenants)s::text[]) AS row(tenant)

-- name: advance_streams
-- The row of the stream is the lock that keeps events of one device in order, whoever writes them.
INSERT INTO event_stream AS s (tenant, subject, sequence)
SELECT tenant, subject, count FROM unnest(%(tenants)s::text[], %(subjects)s::text[], %(counts)s::bigint[])
  AS row(tenant, subject, count) ORDER BY tenant, subject
ON CONFLICT (tenant, subject) DO UPDATE SET sequence = s.sequence + excluded.sequence
RETURNING tenant, subject, sequence

-- name: append_events
INSERT INTO outbox (tenant, subject, sequence, type, payload, created, revision, generation, uid, writer,
                    request)
SELECT tenant, subject, sequence, type, payload, created, revision, generation, uid, writer, request
FROM unnest(%(tenants)s::text[], %(subjects)s::text[], %(sequences)s::bigint[], %(types)s::text[],
            %(payloads)s::text[], %(created)s::timestamptz[], %(revisions)s::bigint[],
            %(generations)s::bigint[], %(uids)s::text[], %(writers)s::text[],
            %(requests)s::text[])
  WITH ORDINALITY AS row(tenant, subject, sequence, type, payload, created, revision, generation, uid,
                         writer, request, place)
ORDER BY place
RETURNING id, tenant, subject, sequence

-- name: notify_outbox
NOTIFY outbox

-- name: notify_outcome
NOTIFY outcome

-- name: record_outcomes
-- An older generation never replaces a newer one.
INSERT INTO outcome AS o (kind, namespace, name, tenant, uid, generation, reason, message, target, wanted,
                          revision, sequence, templates, unused, keys, keys_message)
SELECT * FROM unnest(%(kinds)s::text[], %(namespaces)s::text[], %(names)s::text[], %(tenants)s::text[],
    %(uids)s::text[], %(generations)s::bigint[], %(reasons)s::text[], %(messages)s::text[], %(targets)s::text[],
    %(wanted)s::text[], %(revisions)s::bigint[], %(sequences)s::bigint[], %(templates)s::text[],
    %(unused)s::text[], %(keys)s::text[], %(keys_messages)s::text[])
ON CONFLICT (kind, namespace, name) DO UPDATE SET tenant = excluded.tenant, uid = excluded.uid,
    generation = excluded.generation, reason = excluded.reason, message = excluded.message,
    target = excluded.target, wanted = excluded.wanted, revision = excluded.revision,
    sequence = excluded.sequence, templates = excluded.templates, unused = excluded.unused,
    keys = excluded.keys, keys_message = excluded.keys_message, decided = now()
WHERE o.uid <> excluded.uid OR o.generation <= excluded.generation

-- name: forget_outcomes
DELETE FROM outcome o USING unnest(%(kinds)s::text[], %(namespaces)s::text[], %(names)s::text[])
  AS row(kind, namespace, name)
WHERE (o.kind, o.namespace, o.name) = (row.kind, row.namespace, row.name)

-- name: outcomes
SELECT o.* FROM outcome o JOIN unnest(%(kinds)s::text[], %(namespaces)s::text[], %(names)s::text[])
  AS row(kind, namespace, name) ON (o.kind, o.namespace, o.name) = (row.kind, row.namespace, row.name)

-- name: prune_released
DELETE FROM released WHERE released_at <= %(before)s

-- name: note_released
INSERT INTO released (uid, released_at) SELECT uid, %(now)s FROM unnest(%(uids)s::text[]) AS row(uid)
ON CONFLICT (uid) DO UPDATE SET released_at = excluded.released_at

-- name: released
SELECT uid FROM released WHERE uid = ANY(%(uids)s::text[])

-- name: losers
SELECT o.kind, o.namespace, o.name FROM outcome o
JOIN unnest(%(tenants)s::text[], %(ids)s::text[]) AS row(tenant, id) ON (o.tenant, o.wanted) = (row.tenant, row.id)
WHERE o.wanted <> ''

-- name: blocked
SELECT o.kind, o.namespace, o.name FROM outcome o
JOIN unnest(%(tenants)s::text[], %(ids)s::text[]) AS row(tenant, id) ON (o.tenant, o.target) = (row.tenant, row.id)
WHERE o.reason = 'InUse' AND o.kind = 'Template'

-- name: held_devices
-- Rows and decisions side by side, and whether the row fits its checksum: all that a sweep compares.
SELECT coalesce(o.namespace, d.claim_namespace) AS namespace, coalesce(o.name, d.claim_name) AS name,
       d.id AS row, d.claim_uid AS row_uid, o.uid, o.generation, o.reason,
       d.checksum = encode(sha256(convert_to(ROW(d.label, d.spec, d.document, d.hash, d.terms, d.revision,
                    extract(epoch FROM d.created), extract(epoch FROM d.updated))::text, 'UTF8')), 'hex') AS intact
FROM (SELECT * FROM outcome
      WHERE kind = 'Device' AND (namespace, name) > (%(namespace)s, %(name)s)) o
FULL JOIN (SELECT * FROM device
           WHERE unclaimed_since IS NULL AND (claim_namespace, claim_name) > (%(namespace)s, %(name)s)) d
  ON (d.claim_namespace, d.claim_name) = (o.namespace, o.name)
ORDER BY 1, 2 LIMIT %(limit)s

-- name: held_templates
SELECT coalesce(o.namespace, t.claim_namespace) AS namespace, coalesce(o.name, t.claim_name) AS name,
       t.id::text AS row, t.claim_uid AS row_uid, o.uid, o.generation, o.reason,
       t.checksum = encode(sha256(convert_to(t.label || coalesce(a.entries, ''), 'UTF8')), 'hex') AS intact
FROM (SELECT * FROM outcome
      WHERE kind = 'Template' AND (namespace, name) > (%(namespace)s, %(name)s)) o
FULL JOIN (SELECT * FROM template
           WHERE unclaimed_since IS NULL AND (claim_namespace, claim_name) > (%(namespace)s, %(name)s)) t
  ON (t.claim_namespace, t.claim_name) = (o.namespace, o.name)
LEFT JOIN (SELECT tenant, template_id, string_agg(ROW(parent_id IS NULL, label, type, value_type,
                                                      static_value)::text, '' ORDER BY position) AS entries
           FROM template_attribute GROUP BY tenant, template_id) a
  ON (a.tenant, a.template_id) = (t.tenant, t.id)
ORDER BY 1, 2 LIMIT %(limit)s

-- name: unclaimed
SELECT 'Device' AS kind, count(*) AS rows FROM device WHERE unclaimed_since IS NOT NULL OR claim_name IS NULL
UNION ALL
SELECT 'Template', count(*) FROM template WHERE unclaimed_since IS NOT NULL OR claim_name IS NULL

-- name: unsent
-- The ids come from the index alone, however many events of tenants that are left out stand before them.
SELECT * FROM (
    SELECT *, sum(octet_length(payload)) OVER (ORDER BY id) - octet_length(payload) AS bytes_before
    FROM outbox WHERE id IN (
        SELECT id FROM outbox WHERE sent IS NULL AND quarantined IS NULL AND tenant <> ALL(%(apart_from)s)
        ORDER BY id LIMIT %(limit)s)
) AS portion WHERE bytes_before < %(bytes)s ORDER BY id

-- name: mark_sent
UPDATE outbox SET sent = %(now)s WHERE id = ANY(%(ids)s)

-- name: quarantine
UPDATE outbox SET quarantined = %(now)s, error = %(error)s WHERE id = %(id)s

-- name: quarantined
-- Overtaken is what has later events that are not waiting any more: they were sent, and perhaps pruned.
SELECT o.*, o.retry_requested IS NOT NULL AS retrying, s.sequence - o.sequence > (
    SELECT count(*) FROM outbox AS later WHERE later.tenant = o.tenant AND later.subject = o.subject
    AND later.sequence > o.sequence AND later.sent IS NULL) AS overtaken
FROM outbox AS o JOIN event_stream AS s USING (tenant, subject)
WHERE o.quarantined IS NOT NULL AND o.dropped IS NULL
  AND (%(tenant)s::text IS NULL OR o.tenant = %(tenant)s)
ORDER BY o.id LIMIT %(limit)s

-- name: request_retry
UPDATE outbox AS o SET retry_requested = now() FROM event_stream AS s
WHERE o.id = ANY(%(ids)s) AND o.quarantined IS NOT NULL AND o.dropped IS NULL
  AND s.tenant = o.tenant AND s.subject = o.subject AND s.sequence - o.sequence = (
    SELECT count(*) FROM outbox AS later WHERE later.tenant = o.tenant AND later.subject = o.subject
    AND later.sequence > o.sequence AND later.sent IS NULL)
RETURNING o.id

-- name: readmit
-- The relay runs this between two sends, so what it sees as unsent is not on its way either.
UPDATE outbox AS o SET quarantined = NULL, error = NULL, retry_requested = NULL FROM event_stream AS s
WHERE o.quarantined IS NOT NULL AND o.retry_requested IS NOT NULL
  AND s.tenant = o.tenant AND s.subject = o.subject AND s.sequence - o.sequence = (
    SELECT count(*) FROM outbox AS later WHERE later.tenant = o.tenant AND later.subject = o.subject
    AND later.sequence > o.sequence AND later.sent IS NULL)
RETURNING o.id

-- name: forget_retries
UPDATE outbox SET retry_requested = NULL WHERE quarantined IS NOT NULL AND retry_requested IS NOT NULL

-- name: drop_quarantined
-- The row stays as a gravestone: without it, the event would count as sent and pruned.
UPDATE outbox SET dropped = %(now)s, payload = '', retry_requested = NULL
WHERE id = ANY(%(ids)s) AND quarantined IS NOT NULL AND dropped IS NULL RETURNING id

-- name: publication
-- An event that is not there was sent and pruned.
SELECT CASE WHEN quarantined IS NOT NULL THEN 'Quarantined' WHEN sent IS NULL THEN 'Pending'
            ELSE 'Acknowledged' END AS reason
FROM outbox WHERE tenant = %(tenant)s AND subject = %(subject)s AND sequence = %(sequence)s

-- name: outbox_depth
SELECT (SELECT count(*) FROM outbox WHERE quarantined IS NOT NULL AND dropped IS NULL) AS quarantined,
       count(*) AS waiting, coalesce(extract(epoch FROM now() - min(created)), 0) AS oldest
FROM outbox WHERE sent IS NULL AND quarantined IS NULL

-- name: prune_outbox
DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE sent < %(before)s ORDER BY id LIMIT %(limit)s)
RETURNING id
