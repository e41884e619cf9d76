-- Write how many units some buyers hold of a product that is being put back on sale.
--
-- KEYS  1 leader lock  2 stock  3 buyers
-- ARGV  1 token of the leader  2 '1' to forget all others first  then user, held, …
-- -> 1 when written, 0 when the stock is already there, or the lock is lost
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
if ARGV[2] == '1' then
  redis.call('DEL', KEYS[3])
end
for i = 3, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[3], ARGV[i], ARGV[i + 1])
end
return 1
