-- The only events that the facade writes itself: what is sent to a device is no state that a resource could declare.

-- name: configure
-- One statement, so that sequence and event are one. The row of the stream is the lock that keeps events in order.
-- A repetition after a lost connection finds the event of the first attempt and writes none.
WITH device AS (
    SELECT id FROM device WHERE tenant = %(tenant)s AND id = %(id)s
), stream AS (
    INSERT INTO event_stream AS s (tenant, subject, sequence)
    SELECT %(tenant)s, id, 1 FROM device
    WHERE NOT EXISTS (SELECT FROM outbox WHERE tenant = %(tenant)s AND subject = %(id)s AND type = %(type)s
                      AND created = %(created)s AND payload = %(payload)s)
    ON CONFLICT (tenant, subject) DO UPDATE SET sequence = s.sequence + 1
    RETURNING sequence
), event AS (
    INSERT INTO outbox (tenant, subject, sequence, type, payload, created, revision, generation, uid, writer,
                        request)
    SELECT %(tenant)s, %(id)s, sequence, %(type)s, %(payload)s, %(created)s, 0, 0, '', %(writer)s, %(request)s FROM stream
    RETURNING id
)
SELECT (SELECT count(*) FROM device) AS devices, (SELECT pg_notify('outbox', '') FROM event) AS notified
