-- Enqueue the payment of orders that the ledger holds open but that no stream entry stands for.
--
-- Happens when Redis lost its streams, or a worker committed an order whose acceptance Redis had lost.
-- An order that Redis does not know takes its units from the counter here, because a hash that
-- is not terminal and units held go together (see settle.lua); the counter may go below zero: the ledger
-- has accepted the order, and nobody else is accepted until it is back above.
--
-- KEYS  1 leader lock  2 idem  3 orders stream  4 payments stream  then per order: order hash, stock, buyers
-- ARGV  1 token of the leader  then per order: id, user, product, quantity, key, amount,
--       accepted_at_us, status, version
-- -> how many were enqueued, or -1 when the lock is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return -1
end
local function waits(stream, entry)
  return entry and #redis.call('XRANGE', stream, entry, entry) == 1
end
local enqueued = 0
for n = 0, (#KEYS - 4) / 3 - 1 do
  local order, stock, buyers = KEYS[3 * n + 5], KEYS[3 * n + 6], KEYS[3 * n + 7]
  local id, user, product, quantity, key, amount, at, status, version =
    unpack(ARGV, 9 * n + 2, 9 * n + 10)
  local before, old_version, intake, payment =
    unpack(redis.call('HMGET', order, 's', 'v', 'i', 'e'))
  local terminal = before == 'confirmed' or before == 'declined'
  local under_way = waits(KEYS[3], intake) or waits(KEYS[4], payment)
  if not terminal and not under_way and redis.call('EXISTS', stock) == 1 then
    if not before then
      redis.call('DECRBY', stock, quantity)
      redis.call('HINCRBY', buyers, user, quantity)
      redis.call('HSETNX', KEYS[2], user .. '|' .. key, id .. '|' .. product .. '|' .. quantity)
    end
    if not before or tonumber(version) > tonumber(old_version) then
      redis.call('HSET', order, 's', status, 'v', version, 'u', user, 'p', product,
        'q', quantity, 'k', key, 'a', amount, 'at', at)
    end
    local entry = redis.call('XADD', KEYS[4], '*', 'o', id, 'u', user, 'p', product,
      'q', quantity, 'k', key, 'a', amount)
    redis.call('HSET', order, 'e', entry)
    enqueued = enqueued + 1
  end
end
return enqueued
