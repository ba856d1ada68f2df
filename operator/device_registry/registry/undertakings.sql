-- What the facade has begun and not ended. Who ends it and who undoes it meet at the row.

-- name: begin
INSERT INTO undertaking (id, resources, due, undoing)
VALUES (%(id)s, %(resources)s, now() + make_interval(secs => %(seconds)s), %(undoing)s)
RETURNING id

-- name: renew
UPDATE undertaking SET due = now() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s AND NOT undoing RETURNING id

-- name: end
DELETE FROM undertaking WHERE id = %(id)s AND NOT undoing RETURNING id

-- name: give_up
UPDATE undertaking SET due = now(), undoing = true WHERE id = %(id)s RETURNING id

-- name: overdue
UPDATE undertaking SET due = now() + make_interval(secs => %(seconds)s), undoing = true
WHERE id = (SELECT id FROM undertaking WHERE due <= now() ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, resources

-- name: undone
DELETE FROM undertaking WHERE id = %(id)s RETURNING id
