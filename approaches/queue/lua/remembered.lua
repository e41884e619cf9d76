-- Note that no idempotency key of the ledger is missing any more: it need not be asked (accept.lua).
--
-- KEYS  1 leader lock  then one product each    ARGV  1 token of the leader
-- -> 1, or 0 when the lock is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
for n = 2, #KEYS do
  redis.call('HDEL', KEYS[n], 'keys_missing')
end
return 1
