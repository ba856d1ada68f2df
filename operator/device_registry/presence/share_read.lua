-- A monitor says up to when it has read its share; statuses are believed while no share is too far behind.
--
-- KEYS   1 presence:monitors   2 presence:shares    sorted set: monitor -> up to when it has read its share
--        3 presence:reading    there while statuses are believed
-- ARGV   1 monitor   2 up to when it has read its share   3 milliseconds that statuses are believed after that

local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
redis.call("ZADD", KEYS[2], ARGV[2], ARGV[1])
redis.call("ZREMRANGEBYSCORE", KEYS[2], "-inf", string.format("%.0f", now - ARGV[3]))
local oldest = tonumber(ARGV[2])
for _, monitor in ipairs(redis.call("ZRANGE", KEYS[1], 0, -1)) do
  oldest = math.min(oldest, tonumber(redis.call("ZSCORE", KEYS[2], monitor) or 0))
end
local left = oldest + tonumber(ARGV[3]) - now
if left > 0 then
  redis.call("SET", KEYS[3], ARGV[1], "PX", string.format("%.0f", left))
end
