-- Move orders that the ledger now holds on to payment, and drop them from the orders stream.
--
-- Runs after the ledger's COMMIT. The move is guarded by the order's own state, so a redo after a
-- crash (or by a worker that was paused and overtaken) only drops its stream entry again.
--
-- The entries go before their successors come: with `maxmemory` reached, Redis refuses commands that
-- grow only until a script has written, and what was accepted has to drain all the same.
--
-- KEYS  1 orders stream  2 payments stream  then one order hash per order
-- ARGV  1 group  2 channel  then per order: stream entry, order id
-- -> how many orders moved
local changes, done = {}, {}
for i = 3, #ARGV, 2 do
  done[#done + 1] = ARGV[i]
end
redis.call('XACK', KEYS[1], ARGV[1], unpack(done))
redis.call('XDEL', KEYS[1], unpack(done))
for i = 3, #KEYS do
  local id = ARGV[2 * i - 2]
  local status, user, product, quantity, key, amount =
    unpack(redis.call('HMGET', KEYS[i], 's', 'u', 'p', 'q', 'k', 'a'))
  if status == 'accepted' then
    local payment = redis.call('XADD', KEYS[2], '*', 'o', id, 'u', user, 'p', product,
      'q', quantity, 'k', key, 'a', amount)
    redis.call('HSET', KEYS[i], 's', 'awaiting_payment', 'v', 2, 'e', payment)
    changes[#changes + 1] = {o = id, s = 'awaiting_payment', v = 2}
  end
end
if #changes > 0 then
  redis.call('PUBLISH', ARGV[2], cjson.encode(changes))
end
return #changes
