/* scripts.h: what Redis does in one step, in its Lua. */
#ifndef SD_TOOLS_SERVER_REDIS_SCRIPTS_H
#define SD_TOOLS_SERVER_REDIS_SCRIPTS_H

/* A piece is in its stream, unless it has ended: its state. KEYS: piece, stream. ARGV: name, model, body, seconds that
 * it is kept. */
#define SCRIPT_ADD                                                                                                     \
    "local st = redis.call('HGET', KEYS[1], 'state')\n"                                                                \
    "if st and st ~= 'queued' then return st end\n"                                                                    \
    "redis.call('SADD', 'sdc:models', ARGV[2])\n"                                                                      \
    "if st then\n"                                                                                                     \
    "  local id = redis.call('HGET', KEYS[1], 'entry')\n"                                                              \
    "  if #redis.call('XRANGE', KEYS[2], id, id) > 0 then\n"                                                           \
    "    redis.call('EXPIRE', KEYS[1], ARGV[4])\n"                                                                     \
    "    return st\n"                                                                                                  \
    "  end\n"                                                                                                          \
    "end\n"                                                                                                            \
    "local id = redis.call('XADD', KEYS[2], '*', 'piece', ARGV[1])\n"                                                  \
    "redis.call('HSET', KEYS[1], 'state', 'queued', 'entry', id, 'body', ARGV[3])\n"                                   \
    "redis.call('EXPIRE', KEYS[1], ARGV[4])\n"                                                                         \
    "redis.call('PUBLISH', 'sdc:wake', ARGV[2])\n"                                                                     \
    "return 'queued'"

/* A piece has ended, if nobody said so before. KEYS: piece, stream. ARGV: entry, channel, message, told, seconds, and
 * the pictures. */
#define SCRIPT_END                                                                                                     \
    "if redis.call('HGET', KEYS[1], 'state') == 'queued' then\n"                                                       \
    "  for i = 6, #ARGV do redis.call('HSET', KEYS[1], 'png' .. (i - 6), ARGV[i]) end\n"                               \
    "  redis.call('HSET', KEYS[1], 'state', 'done', 'told', ARGV[4])\n"                                                \
    "  redis.call('HDEL', KEYS[1], 'body')\n"                                                                          \
    "  redis.call('EXPIRE', KEYS[1], ARGV[5])\n"                                                                       \
    "end\n"                                                                                                            \
    "redis.call('XACK', KEYS[2], 'sdc', ARGV[1])\n"                                                                    \
    "redis.call('XDEL', KEYS[2], ARGV[1])\n"                                                                           \
    "redis.call('PUBLISH', ARGV[2], ARGV[3])\n"                                                                        \
    "return 1"

/* Nobody wants a piece any more. KEYS: piece, stream. ARGV: channel. */
#define SCRIPT_DROP                                                                                                    \
    "if redis.call('HGET', KEYS[1], 'state') == 'queued' then\n"                                                       \
    "  redis.call('XDEL', KEYS[2], redis.call('HGET', KEYS[1], 'entry'))\n"                                            \
    "  redis.call('PUBLISH', ARGV[1], 'cancel')\n"                                                                     \
    "end\n"                                                                                                            \
    "return redis.call('DEL', KEYS[1])"

/* A worker lives. ARGV: its name, the model that it has open or "". */
#define SCRIPT_LIVE                                                                                                    \
    "local now = tonumber(redis.call('TIME')[1])\n"                                                                    \
    "redis.call('ZADD', 'sdc:workers', now, ARGV[1])\n"                                                                \
    "redis.call('ZREMRANGEBYSCORE', 'sdc:workers', 0, now - 3600)\n"                                                   \
    "if ARGV[2] ~= '' then\n"                                                                                          \
    "  redis.call('ZADD', 'sdc:loaded:' .. ARGV[2], now, ARGV[1])\n"                                                   \
    "  redis.call('EXPIRE', 'sdc:loaded:' .. ARGV[2], 3600)\n"                                                         \
    "end\n"                                                                                                            \
    "return 1"

/* How many live: KEYS: sdc:workers or sdc:loaded:MODEL. ARGV: seconds. */
#define SCRIPT_COUNT "return redis.call('ZCOUNT', KEYS[1], redis.call('TIME')[1] - ARGV[1], '+inf')"

/* Pieces that wait, if some worker has their model open. KEYS: sdc:loaded:MODEL, stream. ARGV: seconds. */
#define SCRIPT_FOREIGN                                                                                                 \
    "if redis.call('ZCOUNT', KEYS[1], redis.call('TIME')[1] - ARGV[1], '+inf') == 0 then return 0 end\n"               \
    "local p = redis.pcall('XPENDING', KEYS[2], 'sdc')\n"                                                              \
    "if p.err then return 0 end\n"                                                                                     \
    "return redis.call('XLEN', KEYS[2]) - p[1]"

/* Pieces that wait or are drawn. */
#define SCRIPT_LENGTH                                                                                                  \
    "local n = 0\n"                                                                                                    \
    "for _, m in ipairs(redis.call('SMEMBERS', 'sdc:models')) do n = n + redis.call('XLEN', 'sdc:jobs:' .. m) end\n"   \
    "return n"

#endif
