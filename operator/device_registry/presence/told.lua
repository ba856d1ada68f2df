-- Notices have reached Kafka, or it is clear which of them have: others may be taken.
--
-- KEYS   1 presence:<tenant>:notices   2 presence:<tenant>:teller
-- ARGV   1 the teller that is done, empty for none   2 ... ids that are in Kafka

for index = 2, #ARGV do
  redis.call("XDEL", KEYS[1], ARGV[index])
end
if redis.call("GET", KEYS[2]) == ARGV[1] then
  redis.call("DEL", KEYS[2])
  return 1
end
return 0
