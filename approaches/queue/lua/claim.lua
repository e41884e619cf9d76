-- Take the leader's lock, for a time, if nobody holds it.
--
-- The deletion comes first: with `maxmemory` reached, Redis refuses commands that grow only until a
-- script has written, and there must be a leader for memory to be freed.
--
-- KEYS  1 lock    ARGV  1 token  2 time to live (ms)    -> 1 | 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
