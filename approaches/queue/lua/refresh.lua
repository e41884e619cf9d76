-- Take over what the ledger says of a product now: its name, price, limit, and units for sale.
--
-- The counter moves by the difference to what this store had before, in the same step in which that is
-- replaced: so a restock counts once, whatever is accepted or released meanwhile.
--
-- KEYS  1 leader lock  2 stock  3 product
-- ARGV  1 token of the leader  2 name  3 price_cents  4 initial_stock  5 per_user_limit or ''
-- -> 1 when written, 0 when the product is not on sale, or the lock is lost
local before = tonumber(redis.call('HGET', KEYS[3], 'initial_stock') or nil)
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 0 or not before then
  return 0
end
redis.call('INCRBY', KEYS[2], tonumber(ARGV[4]) - before)
redis.call('HSET', KEYS[3], 'name', ARGV[2], 'price_cents', ARGV[3], 'initial_stock', ARGV[4],
  'per_user_limit', ARGV[5])
return 1
