-- Write what the ledger knows of some orders back into Redis, before the stock counter returns.
--
-- Part of a rebuild (see recovery.py): only the holder of the leader's lock may write, and a FLUSHALL
-- deletes that lock, so a snapshot taken before it is refused. Never lets an order go back a
-- version. A terminal order needs no hash (the API reads the ledger then), so none is created; one
-- that exists is brought up to date, or a later settlement would release the stock twice.
--
-- An open order that was lost gets a payment entry at once. Its payment may be in somebody's hand, or
-- be settled in the ledger since this was read, with nobody left to tell: whoever takes the entry asks
-- the gateway under the same key, learns what the ledger says, and brings the hash to it.
--
-- KEYS  1 leader lock  2 idem  3 payments stream  then one order hash per order
-- ARGV  1 token of the leader  then per order: id, user, product, quantity, key, amount,
--       accepted_at_us, status, version, settled_at_us or ''
-- -> 1, or 0 when the lock is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
for n = 0, #KEYS - 4 do
  local id, user, product, quantity, key, amount, at, status, version, settled =
    unpack(ARGV, 10 * n + 2, 10 * n + 11)
  redis.call('HSETNX', KEYS[2], user .. '|' .. key, id .. '|' .. product .. '|' .. quantity)
  local known = redis.call('HGET', KEYS[n + 4], 'v')
  local terminal = status == 'confirmed' or status == 'declined'
  if (known and tonumber(known) < tonumber(version)) or (not known and not terminal) then
    redis.call('HSET', KEYS[n + 4], 's', status, 'v', version, 'u', user, 'p', product,
      'q', quantity, 'k', key, 'a', amount, 'at', at, 'st', settled)
  end
  if not known and not terminal then
    local payment = redis.call('XADD', KEYS[3], '*', 'o', id, 'u', user, 'p', product,
      'q', quantity, 'k', key, 'a', amount)
    redis.call('HSET', KEYS[n + 4], 'e', payment)
  end
end
return 1
