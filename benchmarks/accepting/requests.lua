-- What wrk sends: purchases with keys of their own, or looks at orders, each with the token of its buyer.
-- Arguments after `--`: kind (buy | order)  product id  prefix of the keys  file of lines "token order-id"
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(args)
  kind, product, prefix = args[1], args[2], args[3]
  tokens, orders, sent, first = {}, {}, 0, 0
  for line in io.lines(args[4]) do
    local token, order = line:match("^(%S+)%s*(%S*)$")
    table.insert(tokens, "Bearer " .. token)
    table.insert(orders, order)
  end
  for byte in prefix:gmatch(".") do -- who buys first differs from call to call
    first = (first * 31 + byte:byte()) % 1000003
  end
  body = '{"product_id":' .. product .. ',"quantity":1}'
end

function request()
  sent = sent + 1
  local at = (first + sent) % #tokens + 1
  if kind == "order" then
    return wrk.format("GET", "/orders/" .. orders[at], { Authorization = tokens[at] })
  end
  return wrk.format("POST", "/orders", {
    Authorization = tokens[at],
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = prefix .. "-" .. id .. "-" .. sent,
  }, body)
end

function done(summary, latency)
  io.write(string.format(
    '\nJSON {"requests": %d, "duration_s": %.6f, "refused": %d, "broken": %d, "p50_ms": %.3f, "p95_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000
  ))
end
