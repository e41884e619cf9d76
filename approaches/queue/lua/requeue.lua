-- Return what a consumer had in hand to its stream, for whoever reads next.
--
-- Liveness is the heartbeat key, never idle time: a charge may rightly take fifteen seconds. The
-- entry is added again and the old one dropped in the same step, with the number of deliveries so
-- far in field `n`; live consumers wake from their blocking read, so nobody has to be notified. An
-- entry that was delivered too often goes to the dead letters with the reason, still holding its stock.
-- A consumer that is not alive, or leaves, and has nothing left is removed.
--
-- KEYS  1 stream  2 dead letters  3 heartbeat of the consumer
-- ARGV  1 group  2 consumer  3 'dead' (only without heartbeat) | 'own' (its own former self)
--       | 'leave' (itself, at its end: its heartbeat ends with it)
--       4 first entry  5 last entry  6 deliveries allowed  7 reason of the dead letter
--       8 deliveries to add per return: 1, or 0 for an orderly end  9 field of the order hash that names
--       the entry  10 prefix of order hashes (same hash tag, so the same slot)
-- -> {returned, dead}
local group, consumer, mode = ARGV[1], ARGV[2], ARGV[3]
if mode == 'dead' and redis.call('EXISTS', KEYS[3]) == 1 then
  return {0, 0}
end
local batch = 200
local pending = redis.call('XPENDING', KEYS[1], group, ARGV[4], ARGV[5], batch, consumer)
local returned, dead = 0, 0
for _, item in ipairs(pending) do
  local id = item[1]
  local found = redis.call('XRANGE', KEYS[1], id, id)[1]
  redis.call('XACK', KEYS[1], group, id)
  if found then
    redis.call('XDEL', KEYS[1], id)
    local entry, deliveries, order = {}, 0, nil
    for i = 1, #found[2], 2 do
      local name, value = found[2][i], found[2][i + 1]
      if name == 'n' then
        deliveries = tonumber(value)
      else
        entry[#entry + 1], entry[#entry + 2] = name, value
      end
      if name == 'o' then
        order = value
      end
    end
    deliveries = deliveries + tonumber(ARGV[8])
    entry[#entry + 1], entry[#entry + 2] = 'n', deliveries
    if deliveries > tonumber(ARGV[6]) then
      entry[#entry + 1], entry[#entry + 2] = 'stream', KEYS[1]
      entry[#entry + 1], entry[#entry + 2] = 'reason', ARGV[7]
      redis.call('XADD', KEYS[2], '*', unpack(entry))
      dead = dead + 1
    else
      local again = redis.call('XADD', KEYS[1], '*', unpack(entry))
      local hash = ARGV[10] .. (order or '')
      if redis.call('HGET', hash, ARGV[9]) == id then
        redis.call('HSET', hash, ARGV[9], again)
      end
      returned = returned + 1
    end
  end
end
if mode == 'leave' then
  redis.call('DEL', KEYS[3])
end
if mode ~= 'own' and #pending < batch then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group, consumer)
end
return {returned, dead}
