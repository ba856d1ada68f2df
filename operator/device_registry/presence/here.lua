-- A monitor says that it is there; answers the time, and all that have said so lately.
--
-- KEYS   1 presence:monitors   sorted set: monitor -> until when it counts as there
-- ARGV   1 monitor   2 milliseconds that this holds; 0 takes leave

local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
if tonumber(ARGV[2]) > 0 then
  redis.call("ZADD", KEYS[1], string.format("%.0f", now + ARGV[2]), ARGV[1])
else
  redis.call("ZREM", KEYS[1], ARGV[1])
end
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", string.format("(%.0f", now))
return {string.format("%.0f", now), redis.call("ZRANGE", KEYS[1], 0, -1)}
