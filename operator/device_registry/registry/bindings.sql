-- What the facade must know before it changes or deletes: who declares what, and who uses which template.

-- name: every_device
SELECT id, document, claim_namespace, claim_name, claim_uid, unclaimed_since FROM device
WHERE tenant = %(tenant)s ORDER BY id

-- name: every_template
SELECT id FROM template WHERE tenant = %(tenant)s ORDER BY id

-- name: users
-- Devices that use one of the templates: how many, and the first ones.
SELECT count(*) AS total, (array_agg(device_id ORDER BY device_id))[:%(limit)s] AS ids FROM (
    SELECT DISTINCT device_id FROM device_template
    WHERE tenant = %(tenant)s AND template_id = ANY(%(templates)s)) AS used

-- name: is_shared
-- Whether some device of a template uses another one as well.
SELECT EXISTS (
    SELECT FROM device_template one JOIN device_template other ON (one.tenant, one.device_id) = (other.tenant, other.device_id)
    WHERE one.tenant = %(tenant)s AND one.template_id = %(template)s AND other.template_id <> one.template_id) AS shared

-- name: clash
-- An attribute of another template that some device of this one uses as well.
SELECT a.label, a.id FROM template_attribute a
JOIN unnest(%(labels)s::text[], %(types)s::text[]) AS wanted(label, type) ON (a.label, a.type) = (wanted.label, wanted.type)
WHERE a.tenant = %(tenant)s AND a.parent_id IS NULL AND a.template_id <> %(template)s AND EXISTS (
    SELECT FROM device_template one JOIN device_template other ON (one.tenant, one.device_id) = (other.tenant, other.device_id)
    WHERE one.tenant = %(tenant)s AND one.template_id = %(template)s AND other.template_id = a.template_id)
ORDER BY a.id LIMIT 1

-- name: bound_specs
-- Devices of a template that say something of their own: most do not, and need not be looked at.
SELECT d.id, d.document, d.claim_namespace, d.claim_name, d.claim_uid, d.unclaimed_since, d.spec
FROM device d JOIN device_template t ON (t.tenant, t.device_id) = (d.tenant, d.id)
WHERE d.tenant = %(tenant)s AND t.template_id = %(template)s
  AND (d.spec LIKE '%%"attributes":%%' OR d.spec LIKE '%%"credentials":%%')
ORDER BY d.id

-- name: registered
SELECT spec, generation FROM device WHERE tenant = %(tenant)s AND claim_namespace = %(namespace)s
  AND claim_name = %(name)s AND claim_uid = %(uid)s AND unclaimed_since IS NULL

-- name: is_propagated
-- A template that is gone has nobody left to tell.
SELECT coalesce(bool_and(propagated_revision >= %(revision)s), true) AS done FROM template
WHERE tenant = %(tenant)s AND id = %(template)s
