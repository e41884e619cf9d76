-- Set a key with a time to live: a heartbeat, or the leader's lock if nobody holds it.
--
-- The deletion comes first: with `maxmemory` reached, Redis refuses commands that grow only until a
-- script has written, and whoever works must stay alive to free memory.
--
-- KEYS  1 key    ARGV  1 value  2 time to live (ms)  3 '1' only if absent    -> 1 | 0
if ARGV[3] == '1' and redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
