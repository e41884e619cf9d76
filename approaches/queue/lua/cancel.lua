-- Bring an order to its end that the ledger refuses for good, and give its units back, once.
--
-- Runs after the ledger has recorded the cancellation. Like a release (settle.lua) the return of the
-- units is tied to the one transition of the hash; the dead letter is tied to the entry that it
-- replaces. So whatever is done again after a crash is done once. While the stock key is absent nothing
-- is done: the rebuild counts what is in the stream as held.
--
-- KEYS  1 orders stream  2 dead letters  3 order hash  4 stock  5 buyers  6 epoch  7 idempotency key
-- ARGV  1 group  2 channel  3 order id  4 entry of the orders stream or ''  5 dead letter to replace or ''
--       6 cancelled_at_us  7, 8 how long the order and its idempotency key stay (ms)
--       9 what the idempotency key stands for in the ledger or ''  10 reason, or '' for no dead letter
--       then the fields of the dead letter
-- -> 'applied' | 'kept' | 'unloaded'
local id, entry, letter = ARGV[3], ARGV[4], ARGV[5]
local before, user, quantity, life = unpack(redis.call('HMGET', KEYS[3], 's', 'u', 'q', 'ep'))
local open = before and before ~= 'confirmed' and before ~= 'declined' and before ~= 'cancelled'
if open and redis.call('EXISTS', KEYS[4]) == 0 then
  return 'unloaded'
end
local present = redis.call('XDEL', KEYS[1], entry ~= '' and entry or '0-0')
if entry ~= '' then
  redis.call('XACK', KEYS[1], ARGV[1], entry)
end
if letter ~= '' then
  present = present + redis.call('XDEL', KEYS[2], letter)
end
if open then
  if life == redis.call('GET', KEYS[6]) then
    redis.call('INCRBY', KEYS[4], quantity)
    redis.call('HINCRBY', KEYS[5], user, -tonumber(quantity))
  end
  redis.call('HSET', KEYS[3], 's', 'cancelled', 'v', 2, 'st', ARGV[6])
  redis.call('PEXPIRE', KEYS[3], ARGV[7])
end
local known = redis.call('GET', KEYS[7])
if not known or string.sub(known, 1, #id + 1) == id .. '|' then
  if ARGV[9] ~= '' then
    redis.call('SET', KEYS[7], ARGV[9], 'PX', ARGV[8])
  else
    redis.call('PEXPIRE', KEYS[7], ARGV[8])
  end
end
if present > 0 and ARGV[10] ~= '' then
  redis.call('XADD', KEYS[2], '*', 'reason', ARGV[10], 'stream', KEYS[1], 'cancelled', 1, unpack(ARGV, 11))
end
redis.call('PUBLISH', ARGV[2], cjson.encode({{o = id, s = 'cancelled', v = 2, st = ARGV[6]}}))
return open and 'applied' or 'kept'
