-- Read what this store knows of its epoch, begin a later one, or mark the present one, for the leader.
--
-- The lock makes the answer exact: while it is held, nobody else begins an epoch, and what was read
-- before a FLUSHALL is not acted on after it, because that deletes the lock.
-- A new epoch takes every product off sale: the counters belong to what is over.
--
-- KEYS  1 leader lock  2 epoch  3 seq  4 beat  5 behind  then the stock counters of all products
-- ARGV  1 token of the leader  2 epoch to begin or ''  3 beat to set or ''
-- -> {epoch, seq, beat, behind}, each 0 if there is none; {} when the lock is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {}
end
local function number(key)
  return tonumber(redis.call('GET', key) or 0)
end
if ARGV[2] ~= '' and number(KEYS[2]) < tonumber(ARGV[2]) then
  redis.call('DEL', unpack(KEYS, 3))
  redis.call('SET', KEYS[2], ARGV[2])
end
if ARGV[3] ~= '' then
  redis.call('SET', KEYS[4], ARGV[3])
end
return {number(KEYS[2]), number(KEYS[3]), number(KEYS[4]), number(KEYS[5])}
