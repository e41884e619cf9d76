-- Accept an order: is this store up to date, replay check, limit, stock, hold and enqueue, in one atomic step.
--
-- What was answered 202 is in the stream, and what is in the stream holds its stock: there is no
-- moment at which only one of them is true. Every check stands before the first write, so an error
-- (wrong type, out of memory, AOF refused) leaves nothing half done. A missing stock key is never
-- written.
--
-- The entry names the epoch of this store, so that the ledger can distinguish an order whose units are
-- still held here from one that was accepted before everything was lost (ledger.py). `seq` counts the orders
-- of an epoch. A caller that has seen a later epoch, or a higher number, knows that this store was put
-- back from an older copy: the epoch ends here and now, and the leader begins another one (epochs.py).
--
-- After this store lost its data, `keys_missing` stands with the product until the keys of ended orders are
-- back (rebuild.py): only the ledger can tell meanwhile whether a key is new, and the caller has to ask it.
--
-- KEYS  1 idempotency key  2 order  3 stock  4 buyers  5 product  6 orders stream  7 epoch  8 seq  9 behind
-- ARGV  1 order id  2 user  3 idempotency key  4 product  5 quantity  6, 7 epoch and seq seen by the caller
--       8 given if the caller has asked the ledger, which knows no such key
-- -> {'accepted', amount_cents, accepted_at_us, epoch, seq} | {'replayed', order id} | {'key_reused'}
--    | {'ask_ledger'} | {'stock_not_loaded'} | {'limit_reached'} | {'sold_out'}
local order, user, key, product, quantity = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

-- one call where several would do: most of the time of this script is spent in calls
local epoch, seq, known, units = unpack(redis.call('MGET', KEYS[7], KEYS[8], KEYS[1], KEYS[3]))
local present, seen, accepted = tonumber(epoch or 0), tonumber(ARGV[6]), tonumber(seq or 0)
if present < seen or (present == seen and accepted < tonumber(ARGV[7])) then
  if epoch then
    redis.call('DEL', KEYS[7])
    redis.call('SET', KEYS[9], seen)
  end
  return {'stock_not_loaded'}
end

if known then
  local known_order, purchase = string.match(known, '^([^|]+)|(.+)$')
  if purchase ~= product .. '|' .. ARGV[5] then
    return {'key_reused'}
  end
  return {'replayed', known_order}
end

local stock = tonumber(units or nil)
local price, limit, missing =
  unpack(redis.call('HMGET', KEYS[5], 'price_cents', 'per_user_limit', 'keys_missing'))
if not stock or not price or not epoch then
  return {'stock_not_loaded'}
end
if missing and not ARGV[8] then
  return {'ask_ledger'}
end
local limited = limit and limit ~= ''
if stock < quantity and not limited then
  return {'sold_out'}
end
local held = tonumber(redis.call('HGET', KEYS[4], user) or 0)
if limited and held + quantity > tonumber(limit) then
  return {'limit_reached'}
end
if stock < quantity then
  return {'sold_out'}
end
local amount = string.format('%d', tonumber(price) * quantity)
local now = redis.call('TIME')
local at = now[1] .. string.format('%06d', tonumber(now[2]))
local number = string.format('%d', accepted + 1)

-- XADD first: it alone could still meet a key of another type
local entry = redis.call('XADD', KEYS[6], '*', 'o', order, 'u', user, 'p', product,
  'q', ARGV[5], 'k', key, 'a', amount, 'at', at, 'ep', epoch, 'sq', number)
redis.call('MSET', KEYS[8], number, KEYS[3], string.format('%d', stock - quantity),
  KEYS[1], order .. '|' .. product .. '|' .. ARGV[5])
redis.call('HINCRBY', KEYS[4], user, quantity)
local written = redis.call('HSET', KEYS[2], 's', 'accepted', 'v', 1, 'u', user, 'p', product,
  'q', ARGV[5], 'k', key, 'a', amount, 'at', at, 'i', entry, 'ep', epoch)
if written < 10 then -- the order was here before, and may be about to expire
  redis.call('PERSIST', KEYS[2])
end
return {'accepted', amount, at, epoch, number}
