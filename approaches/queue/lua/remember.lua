-- Write back which order each idempotency key belongs to in the ledger; the ledger is always right.
--
-- KEYS  1 leader lock  then one idempotency key per order
-- ARGV  1 token of the leader  then per order: order|product|quantity, how long the key stays (ms) or ''
-- -> 1, or 0 when the lock is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
for n = 2, #KEYS do
  local value, ttl = ARGV[2 * n - 2], ARGV[2 * n - 1]
  if ttl == '' then
    redis.call('SET', KEYS[n], value)
  else
    redis.call('SET', KEYS[n], value, 'PX', ttl)
  end
end
return 1
