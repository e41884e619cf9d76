-- Write back which order each idempotency key belongs to in the ledger; the ledger is always right.
--
-- KEYS  1 leader lock
-- ARGV  1 token of the leader  2 prefix of idempotency keys (same hash tag, so the same slot)
--       then per ended order: user|key, order|product|quantity, how long the key stays (ms)
-- -> 1, or 0 when the lock is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
for n = 3, #ARGV, 3 do
  redis.call('SET', ARGV[2] .. ARGV[n], ARGV[n + 1], 'PX', ARGV[n + 2])
end
return 1
