-- Tell the life of this store, or begin one, for the holder of the leader's lock.
--
-- The lock makes the answer exact: while it is held, nobody else begins a life, and what was read
-- before a FLUSHALL is not acted on after it, because that deletes the lock.
--
-- KEYS  1 leader lock  2 epoch    ARGV  1 token of the leader  2 epoch to begin, or ''
-- -> the epoch, 0 if none has begun, -1 when the lock is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return -1
end
if ARGV[2] ~= '' then
  redis.call('SET', KEYS[2], ARGV[2], 'NX')
end
return tonumber(redis.call('GET', KEYS[2]) or 0)
