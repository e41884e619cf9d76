-- Take orders over that wait in the orders stream and that the ledger does not know, into this epoch.
--
-- Part of a rebuild. They were accepted by this store, so it has to hold their units; but the ledger takes
-- orders of the present epoch only. So each entry of an earlier epoch is added again under the present
-- one, and the old one dropped; whoever has that in hand finds the order under way here and lets go.
-- An order that has ended since the stream was read, or whose hash is gone, needs no units.
--
-- KEYS  1 leader lock  2 orders stream  3 epoch  4 seq  then one order hash per order
-- ARGV  1 token of the leader  2 group  then per order: id
-- -> per order 1 if the counter has to hold its units, else 0; {} when the lock is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {}
end
local epoch = redis.call('GET', KEYS[3])
local held = {}
for n = 5, #KEYS do
  local id = ARGV[n - 2]
  local status, life, entry, user, product, quantity, key, amount, at =
    unpack(redis.call('HMGET', KEYS[n], 's', 'ep', 'i', 'u', 'p', 'q', 'k', 'a', 'at'))
  held[n - 4] = status == 'accepted' and 1 or 0
  if status == 'accepted' and life ~= epoch then
    redis.call('HSET', KEYS[n], 'ep', epoch)
    if entry and redis.call('XDEL', KEYS[2], entry) == 1 then
      redis.call('XACK', KEYS[2], ARGV[2], entry)
      local number = redis.call('INCR', KEYS[4])
      local again = redis.call('XADD', KEYS[2], '*', 'o', id, 'u', user, 'p', product,
        'q', quantity, 'k', key, 'a', amount, 'at', at, 'ep', epoch, 'sq', number)
      redis.call('HSET', KEYS[n], 'i', again)
    end
  end
end
return held
