-- Random ranges of one size for wrk: wrk ... -s ranges.lua -- SIZE LENGTH
-- The figures come as one line of JSON; times are microseconds.
local size, places, threads = 0, 0, 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(words)
  size = tonumber(words[1])
  places = math.floor(tonumber(words[2]) / size)
  math.randomseed(1 + number)
end

function request()
  local start = math.random(0, places - 1) * size
  return wrk.format("GET", nil, { ["Range"] = string.format("bytes=%d-%d", start, start + size - 1) })
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "bytes": %d, "duration": %d, "p50": %d, "p99": %d, "errors": %d}\n',
    summary.requests, summary.bytes, summary.duration, latency:percentile(50),
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
