-- Find the orders that have not ended and that no stream entry stands for.
--
-- Most wait for payment, and thousands may: so the payments stream is looked at first, and nothing but
-- the id of an order is sent here.
--
-- KEYS  1 orders stream  2 payments stream
-- ARGV  1 prefix of order hashes (same hash tag, so the same slot)  then order ids    -> order ids
local function waits(stream, entry)
  return entry and #redis.call('XRANGE', stream, entry, entry) == 1
end
local unplaced = {}
for n = 2, #ARGV do
  local status, intake, payment = unpack(redis.call('HMGET', ARGV[1] .. ARGV[n], 's', 'i', 'e'))
  local terminal = status == 'confirmed' or status == 'declined' or status == 'cancelled'
  if not (terminal or waits(KEYS[2], payment) or waits(KEYS[1], intake)) then
    unplaced[#unplaced + 1] = ARGV[n]
  end
end
return unplaced
