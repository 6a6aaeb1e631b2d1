package valkey

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/jotward/jotward/internal/limit"
)

// gcra is limit.Limiter's rule for one key, by the store's own clock, so that edges
// whose clocks differ count alike. It answers whether one was there, how long to
// wait, and until when the burst is whole, in microseconds. A clock that was set
// back costs a key no more than a spent burst does.
var gcra = rueidis.NewLuaScript(`
local every, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local span = every * burst
local at = tonumber(redis.call('GET', KEYS[1]) or now)
if at < now then at = now elseif at > now + span then at = now + span end
local after = at + every
local wait = after - now - span
if wait > 0 then return {0, wait, at - now} end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return {1, 0, after - now}
`)

// Count counts one of a key against a rate that all edges share.
func (s *Store) Count(ctx context.Context, r limit.Rate, key string) (limit.Count, error) {
	every := r.Every.Microseconds()
	if every < 1 || r.Burst < 1 {
		return limit.Count{}, errors.New("valkey: a rate above one in a microsecond, or none")
	}
	var got []int64
	err := s.ask(ctx, func(ctx context.Context, c rueidis.Client) (err error) {
		// A rate that is changed counts anew.
		name := s.key("rate", strconv.FormatInt(every, 10)+"/"+strconv.Itoa(r.Burst)+" "+key)
		got, err = gcra.Exec(ctx, c, []string{name}, []string{strconv.FormatInt(every, 10), strconv.Itoa(r.Burst)}).AsIntSlice()
		return err
	})
	if err != nil {
		return limit.Count{}, err
	}
	if len(got) != 3 {
		return limit.Count{}, errors.New("valkey: an answer of another form")
	}
	wait, reset := time.Duration(got[1])*time.Microsecond, time.Duration(got[2])*time.Microsecond
	span := time.Duration(every*int64(r.Burst)) * time.Microsecond
	return limit.Count{OK: got[0] == 1, Wait: wait, Left: int(max(span-reset, 0) / (time.Duration(every) * time.Microsecond)), Reset: reset}, nil
}
