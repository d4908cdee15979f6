-- Turns files into the requests that wrk sends over and over: wrk … -s post.lua URL -- PATH BODY HEADER … [-- PATH …]
-- BODY is a file, each HEADER is "Name: value". Several requests, set apart by --, are sent in turn.

local function read(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read("*a")
  file:close()
  return content
end

local requests, turn = {}, 0

function init(args)
  local first = 1
  while first <= #args do
    local headers, next = {}, first + 2
    while args[next] and args[next] ~= "--" do
      local name, value = args[next]:match("^(.-): (.*)$")
      headers[name] = value
      next = next + 1
    end
    wrk.method, wrk.path, wrk.headers, wrk.body = "POST", args[first], headers, read(args[first + 1])
    headers["Host"] = wrk.host
    requests[#requests + 1] = wrk.format()
    first = next + 1
  end
  if #requests > 1 then -- a single one wrk keeps ready by itself
    function request()
      turn = turn % #requests + 1
      return requests[turn]
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max,
    errors.status, errors.connect + errors.read + errors.write, errors.timeout))
end
