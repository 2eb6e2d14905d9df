// The scripts of the store in Redis. Redis runs each as a whole, so no other process sees or makes a state in between.

/** Keys of a session: its value, the lease of the request that has it, and the index of all sessions by the times at which they end. */
const KEYS = `
local value, lease, index, id = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function keep(ttl)
  if redis.call('PTTL', value) < tonumber(ttl) then redis.call('PEXPIRE', value, ttl) end
  redis.call('ZADD', index, now() + redis.call('PTTL', value), id)
  if redis.call('PTTL', index) < tonumber(ttl) then redis.call('PEXPIRE', index, ttl) end
end
local function read(most)
  if redis.call('STRLEN', value) > tonumber(most) then return redis.error_reply('WRONGSIZE too many bytes') end
  return redis.call('GET', value)
end
local function count()
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now())
  return redis.call('ZCARD', index)
end
`

const script = (body: string): string => KEYS + body

/** Scripts by their names. Times are milliseconds; ARGV[1] is the id of the session. */
export const scripts = {
  /** ARGV: id, value, time to live, most sessions. Returns 1, or 0 if there are too many. */
  add: script(`
if count() >= tonumber(ARGV[4]) then return 0 end
redis.call('SET', value, ARGV[2])
keep(ARGV[3])
return 1`),

  /** ARGV: id, time to live, most bytes. Returns the value; nil if there is none. */
  get: script(`
local found = read(ARGV[3])
if type(found) == 'string' then keep(ARGV[2]) end
return found`),

  /** ARGV: id, token, time of the lease, time to live, most bytes. Returns the value; nil if there is none; 0 while another request has it. */
  hold: script(`
local found = read(ARGV[5])
if type(found) ~= 'string' then return found end
if not redis.call('SET', lease, ARGV[2], 'NX', 'PX', ARGV[3]) then return 0 end
keep(ARGV[4])
return found`),

  /** ARGV: id, token, value, time to live. Returns 1; 0 if the lease is not that of the token; -1 if the session was deleted. */
  put: script(`
if redis.call('GET', lease) ~= ARGV[2] then return 0 end
if redis.call('EXISTS', value) == 0 then return -1 end
redis.call('SET', value, ARGV[3])
keep(ARGV[4])
return 1`),

  /** ARGV: id, token, time of the lease, time to live. Lets the lease and the session live on if the lease is that of the token. */
  renew: script(`
if redis.call('GET', lease) ~= ARGV[2] then return 0 end
redis.call('PEXPIRE', lease, ARGV[3])
if redis.call('EXISTS', value) == 1 then keep(ARGV[4]) end
return 1`),

  /** ARGV: id, token. Ends the lease if it is that of the token. */
  release: script(`
if redis.call('GET', lease) == ARGV[2] then return redis.call('DEL', lease) end
return 0`),

  /** ARGV: id. Returns the number of values that were deleted. */
  delete: script(`
redis.call('ZREM', index, id)
return redis.call('DEL', value)`),

  /** Returns the number of sessions. */
  count: script('return count()')
} as const
