-- Who may work on a tenant alone. The lock ends with the session.

-- name: patience
SELECT set_config('lock_timeout', %(milliseconds)s, false), set_config('statement_timeout', '0', false)

-- name: lock
SELECT pg_advisory_lock(%(lock)s, hashtext(%(tenant)s))
