-- Write what the ledger knows of some open orders back into Redis, before the stock counter returns.
--
-- Part of a rebuild (see rebuild.py): only the holder of the leader's lock may write, and a FLUSHALL
-- deletes that lock, so a snapshot taken before it is refused. Never lets an order go back a
-- version. A terminal order needs no hash (the API reads the ledger then), so none is created; one
-- that exists is brought up to date, or a later settlement would release the stock twice.
-- The hash is of the present epoch from now on: the counter that is about to be written holds its units.
--
-- An open order that was lost gets its idempotency key back with its hash, or its end could not let it expire.
-- An open order that was lost, or that this store takes for not recorded yet, gets a payment entry at
-- once. Its payment may be in somebody's hand, or
-- be settled in the ledger since this was read, with nobody left to publish that: whoever takes the entry asks
-- the gateway under the same key, learns what the ledger says, and brings the hash to it.
--
-- KEYS  1 leader lock  2 payments stream  3 epoch  then one order hash per order
-- ARGV  1 token of the leader  2 channel  3 how long a terminal order stays (ms)
--       4 prefix of idempotency keys (same hash tag, so the same slot)
--       then per order: id, user, product, quantity, key, amount,
--       accepted_at_us, status, version, settled_at_us or ''
-- -> 1, or 0 when the lock is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local epoch = redis.call('GET', KEYS[3]) or ''
local changes = {}
for n = 0, #KEYS - 4 do
  local order = KEYS[n + 4]
  local id, user, product, quantity, key, amount, at, status, version, settled =
    unpack(ARGV, 10 * n + 5, 10 * n + 14)
  local known, before = unpack(redis.call('HMGET', order, 'v', 's'))
  local terminal = status == 'confirmed' or status == 'declined'
  if (known and tonumber(known) < tonumber(version)) or (not known and not terminal) then
    redis.call('HSET', order, 's', status, 'v', version, 'u', user, 'p', product,
      'q', quantity, 'k', key, 'a', amount, 'at', at, 'st', settled)
    changes[#changes + 1] = {o = id, s = status, v = tonumber(version), st = settled}
    if terminal then
      redis.call('PEXPIRE', order, ARGV[3])
    end
  end
  if not terminal then
    redis.call('HSET', order, 'ep', epoch)
    if not known or before == 'accepted' then
      local payment = redis.call('XADD', KEYS[2], '*', 'o', id, 'u', user, 'p', product,
        'q', quantity, 'k', key, 'a', amount)
      redis.call('HSET', order, 'e', payment)
      redis.call('SET', ARGV[4] .. user .. '|' .. key, id .. '|' .. product .. '|' .. quantity)
    end
  end
end
if #changes > 0 then
  redis.call('PUBLISH', ARGV[2], cjson.encode(changes))
end
return 1
