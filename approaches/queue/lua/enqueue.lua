-- Enqueue the payment of an order that the ledger has just recorded, and take its units off the counter.
--
-- Only where units are reserved in the ledger (reservation/). Nothing is written while the product is off
-- sale, or if the order is here already: then a rebuild (restore.lua) or the leader (resume.lua) has seen
-- it in the ledger, and has taken its units, or will. The counter may go below zero for a moment: a
-- release reaches the ledger before it reaches this store (settle.lua).
--
-- KEYS  1 payments stream  2 epoch  3 seq  4 order  5 stock  6 buyers  7 idempotency key
-- ARGV  1 channel  2 order id  3 user  4 product  5 quantity  6 idempotency key  7 amount_cents
--       8 accepted_at_us
-- -> 1 if enqueued, else 0
if redis.call('EXISTS', KEYS[5]) == 0 or redis.call('EXISTS', KEYS[4]) == 1 then
  return 0
end
local order, user, product, quantity, key, amount, at = unpack(ARGV, 2)
local entry = redis.call('XADD', KEYS[1], '*', 'o', order, 'u', user, 'p', product,
  'q', quantity, 'k', key, 'a', amount)
redis.call('INCR', KEYS[3])
redis.call('DECRBY', KEYS[5], quantity)
redis.call('HINCRBY', KEYS[6], user, quantity)
redis.call('SET', KEYS[7], order .. '|' .. product .. '|' .. quantity)
redis.call('HSET', KEYS[4], 's', 'awaiting_payment', 'v', 2, 'u', user, 'p', product,
  'q', quantity, 'k', key, 'a', amount, 'at', at, 'e', entry, 'ep', redis.call('GET', KEYS[2]) or '')
redis.call('PUBLISH', ARGV[1], cjson.encode({{o = order, s = 'awaiting_payment', v = 2}}))
return 1
