-- What the facade has begun and not ended. Who ends it and who undoes it meet at the row. Each statement may be
-- repeated after a lost connection, and then finds what its first attempt has done.

-- name: begin
INSERT INTO undertaking (id, resources, due, undoing)
VALUES (%(id)s, %(resources)s, now() + make_interval(secs => %(seconds)s), %(undoing)s)
ON CONFLICT (id) DO NOTHING
RETURNING id

-- name: renew
UPDATE undertaking SET due = now() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s AND NOT undoing RETURNING id

-- name: end
-- The row stays until it is struck off, with nothing to undo: a DELETE that is repeated finds no row, and that would
-- look as if all had been undone.
UPDATE undertaking SET resources = '[]' WHERE id = %(id)s AND NOT undoing RETURNING id

-- name: give_up
UPDATE undertaking SET due = now(), undoing = true WHERE id = %(id)s RETURNING id

-- name: overdue
WITH ended AS (
    DELETE FROM undertaking WHERE due <= now() AND resources = '[]'
)
UPDATE undertaking SET due = now() + make_interval(secs => %(seconds)s), undoing = true
WHERE id = (SELECT id FROM undertaking WHERE due <= now() AND resources <> '[]'
            ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, resources

-- name: strike_off
DELETE FROM undertaking WHERE id = %(id)s RETURNING id
