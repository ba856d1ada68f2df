-- Every statement that the facade reads with. Each takes the tenant: no other tenant's row can be named.
-- Fragments (filter_…, order_…) are put into the page statements by the reader; nothing of a request is.

-- name: device
SELECT document FROM device WHERE tenant = %(tenant)s AND id = %(id)s

-- name: device_with_claim
SELECT id, document, claim_namespace, claim_name, claim_uid, unclaimed_since FROM device
WHERE tenant = %(tenant)s AND id = %(id)s

-- name: device_ids_taken
SELECT id FROM device WHERE tenant = %(tenant)s AND id = ANY(%(ids)s)

-- name: documents
SELECT id, document FROM device WHERE tenant = %(tenant)s AND id = ANY(%(ids)s)

-- name: devices_page
-- The server joins the stored documents, so that a page is sent as it was stored, without a parse.
SELECT (SELECT count(*) FROM device d WHERE d.tenant = %(tenant)s {filters}) AS total,
       (SELECT string_agg(d.document, ',' ORDER BY {order}) FROM (
            SELECT d.document, d.id, d.label, d.created, d.updated FROM device d WHERE d.tenant = %(tenant)s {filters}
            ORDER BY {order} LIMIT %(size)s OFFSET %(offset)s) AS d) AS bodies

-- name: device_ids_page
SELECT string_agg(to_json(d.id)::text, ',' ORDER BY {order}) AS ids FROM (
    SELECT d.id, d.label, d.created, d.updated FROM device d WHERE d.tenant = %(tenant)s {filters}
    ORDER BY {order} LIMIT %(size)s OFFSET %(offset)s) AS d

-- name: filter_label
-- A plain substring: LIKE has wildcards, which clients do not mean.
AND position(%(label)s::text IN d.label) > 0

-- name: filter_terms
-- By a function, because row-level security would keep the index from being used (migration 0004).
AND d.id IN (SELECT devices_with_terms(%(tenant)s, %(terms)s::text[]))

-- name: filter_template
AND d.id IN (SELECT device_id FROM device_template WHERE tenant = %(tenant)s AND template_id = %(template)s)

-- name: filter_attributes
-- Each wanted label and value is found on some attribute of the template; metadata entries do not count.
AND NOT EXISTS (
    SELECT FROM unnest(%(labels)s::text[], %(values)s::text[]) AS wanted(label, value)
    WHERE NOT EXISTS (
        SELECT FROM template_attribute a
        WHERE (a.tenant, a.template_id) = (d.tenant, d.id) AND a.parent_id IS NULL
          AND (a.label, a.static_value) = (wanted.label, wanted.value)))

-- name: filter_value_types
AND NOT EXISTS (
    SELECT FROM unnest(%(value_types)s::text[]) AS wanted(value_type)
    WHERE NOT EXISTS (
        SELECT FROM template_attribute a
        WHERE (a.tenant, a.template_id) = (d.tenant, d.id) AND a.parent_id IS NULL
          AND a.value_type = wanted.value_type))

-- name: order_id
d.id

-- name: order_id_descending
d.id DESC

-- name: order_label
d.label, d.id

-- name: order_label_descending
d.label DESC, d.id

-- name: order_created
d.created, d.id

-- name: order_created_descending
d.created DESC, d.id

-- name: order_updated
d.updated NULLS FIRST, d.id

-- name: order_updated_descending
d.updated DESC NULLS LAST, d.id

-- name: template
SELECT * FROM template WHERE tenant = %(tenant)s AND id = ANY(%(ids)s)

-- name: templates_page
-- The count comes first and alone, so that a page beyond the end still tells how many there are.
SELECT counted.total, page.* FROM
    (SELECT count(*) AS total FROM template d WHERE d.tenant = %(tenant)s {filters}) AS counted
LEFT JOIN
    (SELECT d.* FROM template d WHERE d.tenant = %(tenant)s {filters}
     ORDER BY {order} LIMIT %(size)s OFFSET %(offset)s) AS page ON true
ORDER BY {page_order}

-- name: attributes
SELECT * FROM template_attribute WHERE tenant = %(tenant)s AND template_id = ANY(%(ids)s) ORDER BY position

-- name: reserve_template_id
-- The first write of a tenant makes its row; a number is given out once, also when nothing comes of it.
INSERT INTO tenant AS t (name, next_template_id) VALUES (%(tenant)s, 2)
ON CONFLICT (name) DO UPDATE SET next_template_id = t.next_template_id + 1
RETURNING next_template_id - 1 AS id

-- name: at_work
-- The lock of `duty`, in this database; an advisory lock of one number shows its halves as two.
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND (classid::bigint << 32 | objid::bigint) = %(lock)s) AS present

-- name: publication
-- Whether any of these events waits for Kafka: in the outbox, or not written yet because its template still
-- has devices to reach. What was put aside waits as well: nobody has acknowledged it.
SELECT EXISTS (
    SELECT FROM unnest(%(subjects)s::text[], %(sequences)s::bigint[]) AS wanted(subject, sequence)
    LEFT JOIN event_stream s ON s.tenant = %(tenant)s AND s.subject = wanted.subject
    JOIN outbox o ON o.tenant = %(tenant)s AND o.subject = wanted.subject
         AND o.sequence = coalesce(wanted.sequence, s.sequence) AND o.sent IS NULL
) OR EXISTS (
    SELECT FROM unnest(%(subjects)s::text[]) AS wanted(subject)
    JOIN template t ON t.tenant = %(tenant)s AND 'template/' || t.id = wanted.subject
    WHERE t.propagated_revision < t.revision
) AS waiting

-- name: outcomes
SELECT o.* FROM outcome o JOIN unnest(%(kinds)s::text[], %(namespaces)s::text[], %(names)s::text[])
  AS row(kind, namespace, name) ON (o.kind, o.namespace, o.name) = (row.kind, row.namespace, row.name)

-- name: last_request
SELECT request FROM outbox WHERE tenant = %(tenant)s AND subject = %(subject)s ORDER BY sequence DESC LIMIT 1
