-- Bring orders to the state that the ledger decided; give the stock of a declined order back.
--
-- An order's hash exists, is of this epoch and is not terminal exactly as long as the stock counter
-- holds its units. So the release is tied to the one transition to `declined`: whatever is replayed, by
-- whomever, it happens at most once. A confirmation turns the hold into a sale and touches no counter.
-- While the stock key is absent (lost, being rebuilt) a declined order is left as it is: the rebuild
-- may have read it when it was open, and be about to count it as held and to write its hash. The relay
-- of the ledger's outbox settles it afterwards.
-- Otherwise an order without a hash was terminal when the stock was rebuilt: nothing to release. Its
-- end is published all the same: somebody may have watched it since before Redis lost its data.
--
-- A terminal order leaves Redis after a while, and its idempotency key later (keys.py).
--
-- KEYS  1 payments stream  2 epoch  then per order: order hash, stock, buyers
-- ARGV  1 group  2 channel  3 prefix of idempotency keys (same hash tag, so the same slot)
--       4, 5 how long a terminal order and its idempotency key stay (ms)
--       then per order: order id, stream entry or '', status, version, settled_at_us or ''
-- -> per order: 'applied' | 'kept' | 'unloaded'
local answers, changes, done = {}, {}, {}
local epoch = redis.call('GET', KEYS[2])
-- a write that changes nothing: with `maxmemory` reached, Redis refuses commands that grow only until then
redis.call('XDEL', KEYS[1], '0-0')
local total = (#KEYS - 2) / 3
for n = 0, total - 1 do
  local order, stock, buyers = KEYS[3 * n + 3], KEYS[3 * n + 4], KEYS[3 * n + 5]
  local id, entry, status = ARGV[5 * n + 6], ARGV[5 * n + 7], ARGV[5 * n + 8]
  local version, at = tonumber(ARGV[5 * n + 9]), ARGV[5 * n + 10]
  local before, old_version, user, quantity, key, current, life =
    unpack(redis.call('HMGET', order, 's', 'v', 'u', 'q', 'k', 'e', 'ep'))
  local open = before and before ~= 'confirmed' and before ~= 'declined' and before ~= 'cancelled'
  local terminal = status == 'confirmed' or status == 'declined'
  local answer = 'kept'
  if not before and status == 'declined' and redis.call('EXISTS', stock) == 0 then
    answer = 'unloaded'
  elseif open and version > tonumber(old_version) then
    if status == 'declined' and redis.call('EXISTS', stock) == 0 then
      answer = 'unloaded'
    else
      redis.call('HSET', order, 's', status, 'v', version, 'st', at)
      if status == 'declined' and life == epoch then
        redis.call('INCRBY', stock, quantity)
        redis.call('HINCRBY', buyers, user, -tonumber(quantity))
      end
      answer = 'applied'
    end
  end
  if terminal and answer ~= 'unloaded' then
    if entry ~= '' then
      done[#done + 1] = entry
    end
    -- they differ when the entry was returned to the stream meanwhile
    if current and current ~= '' and current ~= entry then
      done[#done + 1] = current
    end
  end
  if terminal and answer == 'applied' then
    redis.call('PEXPIRE', order, ARGV[4])
    redis.call('PEXPIRE', ARGV[3] .. user .. '|' .. key, ARGV[5])
  end
  if answer == 'applied' or (terminal and answer == 'kept') then
    changes[#changes + 1] = {o = id, s = status, v = version, st = at}
  end
  answers[n + 1] = answer
end
if #done > 0 then
  redis.call('XACK', KEYS[1], ARGV[1], unpack(done))
  redis.call('XDEL', KEYS[1], unpack(done))
end
if #changes > 0 then
  redis.call('PUBLISH', ARGV[2], cjson.encode(changes))
end
return answers
