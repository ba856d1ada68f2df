-- What `apply` and `advance` share; put before each of them. Times are milliseconds since 1970.
--
-- KEYS   1 presence:<tenant>:until     sorted set: device -> end of the presence that was told as online
--        2 presence:<tenant>:later     hash: device -> presences that may follow a silence, JSON [[from, till], ...]
--        3 presence:<tenant>:read:<topic>   hash: partition -> "<next offset>:<read up to>"
--        4 presence:<tenant>:notices   stream: transitions that are not yet in Kafka

local until_key, later_key, read_key, notices_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local noting = ARGV[1] == "1"
local partitions = tonumber(ARGV[2])
local any_later = redis.call("EXISTS", later_key) == 1
local told = {online = 0, offline = 0}

local function whole(number)
  return string.format("%.0f", number)
end

local function mark(partition)
  local entry = redis.call("HGET", read_key, partition)
  if not entry then return nil, 0 end
  local offset, time = string.match(entry, "^(%d+):(%d+)$")
  return tonumber(offset), tonumber(time)
end

local function set_mark(partition, offset, time)
  redis.call("HSET", read_key, partition, whole(offset) .. ":" .. whole(time))
end

-- Up to when every partition has been read, one of them left out: nothing older can come any more.
local function read_up_to(but)
  local settled = math.huge
  for partition = 0, partitions - 1 do
    if partition ~= but then
      local _, time = mark(partition)
      settled = math.min(settled, time)
    end
  end
  return settled
end

local function tell(device, status, time)
  told[status] = told[status] + 1
  if noting then
    redis.call("XADD", notices_key, "*", "device", device, "status", status, "time", whole(time))
  end
end

local function pending(device)
  local kept = any_later and redis.call("HGET", later_key, device)
  return kept and cjson.decode(kept) or {}
end

local function keep_pending(device, intervals)
  if #intervals > 0 then
    redis.call("HSET", later_key, device, cjson.encode(intervals))
    any_later = true
  elseif any_later then
    redis.call("HDEL", later_key, device)
  end
end

-- Tell every silence that is certain: it ended before `settled`, or nothing has ended it up to then.
local function settle(device, till, intervals, settled)
  while till < settled do
    tell(device, "offline", till)
    local following = table.remove(intervals, 1)
    if not following then
      redis.call("ZREM", until_key, device)
      keep_pending(device, intervals)
      return
    end
    tell(device, "online", following[1])
    till = following[2]
  end
  redis.call("ZADD", until_key, whole(till), device)
  keep_pending(device, intervals)
end

-- Keep the intervals sorted and apart.
local function insert(intervals, from, till)
  local merged, position = {}, 1
  while intervals[position] and intervals[position][2] < from do
    merged[#merged + 1] = intervals[position]
    position = position + 1
  end
  while intervals[position] and intervals[position][1] <= till do
    from = math.min(from, intervals[position][1])
    till = math.max(till, intervals[position][2])
    position = position + 1
  end
  merged[#merged + 1] = {from, till}
  while intervals[position] do
    merged[#merged + 1] = intervals[position]
    position = position + 1
  end
  return merged
end

-- Data of a device at `from` shows that it is there until `till`.
local function seen(device, from, till, settled)
  local score = redis.call("ZSCORE", until_key, device)
  if not score then
    tell(device, "online", from)
    redis.call("ZADD", until_key, whole(till), device)
    return
  end
  local present_till, intervals = tonumber(score), pending(device)
  if from > present_till then
    intervals = insert(intervals, from, till)
  else
    present_till = math.max(present_till, till)
  end
  while intervals[1] and intervals[1][1] <= present_till do
    present_till = math.max(present_till, table.remove(intervals, 1)[2])
  end
  settle(device, present_till, intervals, settled)
end

local function answer(state, number)
  local waiting = noting and redis.call("XLEN", notices_key) or 0
  return {state, number, told.online, told.offline, waiting, redis.call("ZCARD", until_key)}
end
