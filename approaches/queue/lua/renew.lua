-- Prolong the leader's lock, only for the one who holds it.
--
-- KEYS  1 leader lock    ARGV  1 token of the leader  2 time to live (ms)    -> 1 | 0
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
