-- How a session of the facade is bound to a role and to tenants.

-- name: ping
SELECT 1

-- name: take_role
-- No row when the role is not there or may not be taken.
SELECT set_config('role', rolname, false) FROM pg_roles
WHERE rolname = %(role)s AND pg_has_role(rolname, 'MEMBER')

-- name: see
SELECT set_config('device_manager.tenants', %(tenants)s, false)
