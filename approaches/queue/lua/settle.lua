-- Bring orders to the state that the ledger decided; give the stock of a declined order back.
--
-- An order's hash exists and is not terminal exactly as long as the stock counter holds its units.
-- So the release is tied to the one transition to `declined`: whatever is replayed, by whomever,
-- it happens at most once. A confirmation turns the hold into a sale and touches no counter.
-- While the stock key is absent (lost, being rebuilt) a declined order is left as it is: the rebuild
-- may have read it when it was open, and be about to count it as held and to write its hash. The relay
-- of the ledger's outbox settles it afterwards.
-- Otherwise an order without a hash was terminal when the stock was rebuilt: nothing to release.
--
-- KEYS  1 payments stream  then per order: order hash, stock, buyers
-- ARGV  1 group  2 channel  then per order: order id, stream entry or '', status, version, settled_at_us or ''
-- -> per order: 'applied' | 'kept' | 'unloaded'
local answers, changes = {}, {}
local total = (#KEYS - 1) / 3
for n = 0, total - 1 do
  local order, stock, buyers = KEYS[3 * n + 2], KEYS[3 * n + 3], KEYS[3 * n + 4]
  local id, entry, status = ARGV[5 * n + 3], ARGV[5 * n + 4], ARGV[5 * n + 5]
  local version, at = tonumber(ARGV[5 * n + 6]), ARGV[5 * n + 7]
  local before, old_version, user, quantity, current =
    unpack(redis.call('HMGET', order, 's', 'v', 'u', 'q', 'e'))
  local open = before and before ~= 'confirmed' and before ~= 'declined'
  local terminal = status == 'confirmed' or status == 'declined'
  local answer = 'kept'
  if not before and status == 'declined' and redis.call('EXISTS', stock) == 0 then
    answer = 'unloaded'
  elseif open and version > tonumber(old_version) then
    if status == 'declined' and redis.call('EXISTS', stock) == 0 then
      answer = 'unloaded'
    else
      redis.call('HSET', order, 's', status, 'v', version, 'st', at)
      if status == 'declined' then
        redis.call('INCRBY', stock, quantity)
        redis.call('HINCRBY', buyers, user, -tonumber(quantity))
      end
      changes[#changes + 1] = {o = id, s = status, v = version, st = at}
      answer = 'applied'
    end
  end
  if terminal and answer ~= 'unloaded' then
    -- `current` differs from `entry` when the entry was returned to the stream meanwhile
    for _, done in ipairs({entry, current or ''}) do
      if done ~= '' then
        redis.call('XACK', KEYS[1], ARGV[1], done)
        redis.call('XDEL', KEYS[1], done)
      end
    end
  end
  answers[n + 1] = answer
end
if #changes > 0 then
  redis.call('PUBLISH', ARGV[2], cjson.encode(changes))
end
return answers
