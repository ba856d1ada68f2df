-- Take in what was read of one partition, once.
--
-- ARGV   3 partition   4 position it was read from   5 position after it
--        6 JSON [[offset, device, timestamp, milliseconds that it counts], ...] in the order of the offsets
--        7 JSON [notice id, ...]: notices of our own that were found in Kafka
-- Answers {"taken", 0, online, offline, notices, present} or, when Redis knows less than was read before (it was restored
-- from an older state), {"behind", the position to read from again or -1, 0, 0, notices, present}.

local partition, from, after = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local records, arrived = cjson.decode(ARGV[6]), cjson.decode(ARGV[7])
local have, time = mark(partition)
if not have or have < from then
  return answer("behind", have or -1)
end

local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local others = read_up_to(partition)
for _, record in ipairs(records) do
  if record[1] >= have then
    -- A clock that is wrong cannot place data before what was read already, nor in the future.
    time = math.max(time, math.min(record[3], now))
    seen(record[2], time, time + record[4], math.min(others, time))
  end
end
for _, id in ipairs(arrived) do
  redis.pcall("XDEL", notices_key, id)  -- anybody may have written the id
end
if after > have then
  set_mark(partition, after, time)
end
return answer("taken", 0)
