-- Each connection waits between 0 and 2 * mean milliseconds before each request: `wrk … -- MEAN`.
local most

function init(args)
  math.randomseed(os.time())
  most = math.floor(2 * tonumber(args[1]))
end

function delay()
  return math.random(0, most)
end
