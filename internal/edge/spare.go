package edge

import (
	"sync/atomic"
	"time"
)

// Retries may be a fifth of the requests, one a second where there are few, and ten
// at once after a calm: an outage must not multiply the load on what is left.
const (
	spareOne   = 1000 // a retry, in thousandths
	spareEarn  = spareOne / 5
	spareMost  = 10 * spareOne
	spareEvery = time.Second // one retry
)

// spare is what a pool may send again.
type spare struct {
	left  atomic.Int64
	since atomic.Int64 // Unix nanoseconds up to which time was counted
}

func (s *spare) init() { s.left.Store(spareMost) }

// earn counts a request.
func (s *spare) earn() {
	if s.left.Load() < spareMost {
		s.left.Add(spareEarn)
	}
}

// spend takes a retry, if there is one.
func (s *spare) spend(now time.Time) bool {
	if since, t := s.since.Load(), now.UnixNano(); t-since >= int64(spareEvery) && s.since.CompareAndSwap(since, t) {
		s.left.Store(min(spareMost, s.left.Load()+min((t-since)/int64(spareEvery), 10)*spareOne))
	}
	for {
		left := s.left.Load()
		if left < spareOne {
			return false
		}
		if s.left.CompareAndSwap(left, left-spareOne) {
			return true
		}
	}
}
