-- Note that partitions were read to their ends, and tell who has been silent for too long.
--
-- ARGV   3 JSON [[partition, position before, position now, time at which nothing lay beyond it], ...]
--        4 how many devices to look at
-- Answers {"done" or "more", 0, online, offline, notices, present}.

for _, progress in ipairs(cjson.decode(ARGV[3])) do
  local have, time = mark(progress[1])
  -- Another position means that another monitor reads the partition: then it also knows how far.
  if have == progress[2] then
    set_mark(progress[1], progress[3], math.max(time, progress[4]))
  end
end

local settled, limit = read_up_to(-1), tonumber(ARGV[4])
local silent = redis.call(
  "ZRANGEBYSCORE", until_key, "-inf", "(" .. whole(settled), "WITHSCORES", "LIMIT", 0, limit)
for index = 1, #silent, 2 do
  settle(silent[index], tonumber(silent[index + 1]), pending(silent[index]), settled)
end
return answer(#silent == 2 * limit and "more" or "done", 0)
