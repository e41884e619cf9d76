-- An acceptance as it is usually written: replay check, stock, order, entry in the stream.
-- KEYS 1 idempotency key  2 stock  3 order  4 stream     ARGV 1 order id  2 user  3 product  4 quantity
local known = redis.call('GET', KEYS[1])
if known then
  return known
end
if tonumber(redis.call('GET', KEYS[2]) or 0) < tonumber(ARGV[4]) then
  return 'sold_out'
end
redis.call('DECRBY', KEYS[2], ARGV[4])
redis.call('SET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[3], 'user', ARGV[2], 'product', ARGV[3], 'quantity', ARGV[4], 'status', 'accepted')
redis.call('XADD', KEYS[4], '*', 'order', ARGV[1], 'user', ARGV[2], 'product', ARGV[3], 'quantity', ARGV[4])
return 'accepted'
