-- Enqueue the payment of orders that the ledger holds open but that no stream entry stands for.
--
-- Happens when Redis lost its streams, when a worker committed an order whose acceptance Redis had lost,
-- and when a payment was given up (its dead letter is dropped: the order is under way again).
-- An order whose units this epoch's counter does not hold takes them from it here, because a hash that
-- is of this epoch and not terminal, and units held, go together (see settle.lua); the counter may go
-- below zero: the ledger has accepted the order, and nobody else is accepted until it is back above.
--
-- KEYS  1 leader lock  2 orders stream  3 payments stream  4 dead letters  5 epoch
--       then per order: order hash, stock, buyers, idempotency key
-- ARGV  1 token of the leader  2 channel  then per order: id, user, product, quantity, key, amount,
--       accepted_at_us, status, version, dead letter or ''
-- -> how many were enqueued, or -1 when the lock is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return -1
end
local function waits(stream, entry)
  return entry and #redis.call('XRANGE', stream, entry, entry) == 1
end
local epoch = redis.call('GET', KEYS[5])
local changes, enqueued = {}, 0
-- a write that changes nothing: with `maxmemory` reached, Redis refuses commands that grow only until then
redis.call('XDEL', KEYS[3], '0-0')
for n = 0, (#KEYS - 5) / 4 - 1 do
  local order, stock, buyers, idem = unpack(KEYS, 4 * n + 6, 4 * n + 9)
  local id, user, product, quantity, key, amount, at, status, version, letter =
    unpack(ARGV, 10 * n + 3, 10 * n + 12)
  local before, old_version, intake, payment, life =
    unpack(redis.call('HMGET', order, 's', 'v', 'i', 'e', 'ep'))
  local terminal = before == 'confirmed' or before == 'declined' or before == 'cancelled'
  local under_way = waits(KEYS[3], payment) or waits(KEYS[2], intake)
  local placed = terminal or under_way
  if not placed and epoch and redis.call('EXISTS', stock) == 1 then
    if life ~= epoch then
      redis.call('DECRBY', stock, quantity)
      redis.call('HINCRBY', buyers, user, quantity)
      redis.call('SET', idem, id .. '|' .. product .. '|' .. quantity)
    end
    if not before or tonumber(version) > tonumber(old_version) then
      redis.call('HSET', order, 's', status, 'v', version, 'u', user, 'p', product,
        'q', quantity, 'k', key, 'a', amount, 'at', at)
      changes[#changes + 1] = {o = id, s = status, v = tonumber(version)}
    end
    local entry = redis.call('XADD', KEYS[3], '*', 'o', id, 'u', user, 'p', product,
      'q', quantity, 'k', key, 'a', amount)
    redis.call('HSET', order, 'e', entry, 'ep', epoch)
    enqueued, placed = enqueued + 1, true
  end
  if letter ~= '' and placed then
    redis.call('XDEL', KEYS[4], letter)
  end
end
if #changes > 0 then
  redis.call('PUBLISH', ARGV[2], cjson.encode(changes))
end
return enqueued
