-- Where reading of a partition begins, unless somebody has moved it meanwhile.
--
-- KEYS   1 presence:<tenant>:read:<topic>
-- ARGV   1 partition   2 what stood there, empty for nothing   3 what is to stand there

local entry = redis.call("HGET", KEYS[1], ARGV[1]) or ""
if entry == ARGV[2] then
  redis.call("HSET", KEYS[1], ARGV[1], ARGV[3])
  return 1
end
return 0
