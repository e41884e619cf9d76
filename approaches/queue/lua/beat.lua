-- Prolong the heartbeats of workers that live, and say which epoch this is.
--
-- The deletion comes first: with `maxmemory` reached, Redis refuses commands that grow only until a
-- script has written, and whoever works must stay alive to free memory.
--
-- KEYS  1 epoch  then one heartbeat per worker    ARGV  time to live of each (ms)    -> the epoch, or 0
redis.call('DEL', KEYS[2])
for i = 2, #KEYS do
  redis.call('SET', KEYS[i], 1, 'PX', ARGV[i - 1])
end
return redis.call('GET', KEYS[1]) or '0'
