-- Put a product on sale: set its stock counter, only if the counter is absent.
--
-- Where orders have ended, their idempotency keys are put back afterwards (remember.lua): until then
-- `keys_missing` has the ledger asked for a key that is not here (accept.lua).
--
-- KEYS  1 leader lock  2 stock  3 product  4 epoch
-- ARGV  1 token of the leader  2 stock  3 name  4 price_cents  5 initial_stock  6 per_user_limit or ''
--       7 the epoch that the stock was counted for  8 '1' if keys are to be put back, else ''
-- -> 1 when written, 0 when the stock is already there, or the lock or the epoch is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 1
    or redis.call('GET', KEYS[4]) ~= ARGV[7] then
  return 0
end
redis.call('HSET', KEYS[3], 'name', ARGV[3], 'price_cents', ARGV[4], 'initial_stock', ARGV[5],
  'per_user_limit', ARGV[6])
if ARGV[8] == '1' then
  redis.call('HSET', KEYS[3], 'keys_missing', 1)
end
redis.call('SET', KEYS[2], ARGV[2])
return 1
