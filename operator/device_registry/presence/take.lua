-- Take the oldest notices in order to send them; one monitor at a time sends those of a tenant.
--
-- KEYS   1 presence:<tenant>:notices   2 presence:<tenant>:teller   3 presence:monitors
-- ARGV   1 "<monitor> <word of this taking>"   2 how many at the most
-- Answers {"yours", {{id, fields}, ...}}, {"none"}, {"busy"} while another one sends, or {"doubtful", teller} when
-- nobody knows whether those that were taken last have reached Kafka.

local function monitor(teller)
  return string.match(teller, "^[^ ]*")
end

local teller = redis.call("GET", KEYS[2])
if teller then
  local clock = redis.call("TIME")
  local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
  local until_then = redis.call("ZSCORE", KEYS[3], monitor(teller))
  if monitor(teller) ~= monitor(ARGV[1]) and until_then and tonumber(until_then) >= now then
    return {"busy"}
  end
  return {"doubtful", teller}
end
local notices = redis.call("XRANGE", KEYS[1], "-", "+", "COUNT", tonumber(ARGV[2]))
if #notices == 0 then
  return {"none"}
end
redis.call("SET", KEYS[2], ARGV[1])
return {"yours", notices}
