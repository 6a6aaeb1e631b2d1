package logout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// Who does not answer holds up no other: lanes is how many clients are told at a time, and
// batch of how many sessions each, before its lane is another's. outbound opens four
// connections to one host, so that one is left to a client that shares it.
const lanes, batch = 64, 3

// round is who is told now, and who next. It belongs to one goroutine.
type round struct {
	queue []string             // the clients whose turn is to come; all have theirs before one has a second
	away  map[string]time.Time // those that have none: until when, or zero while their lane is open
	open  int                  // lanes
	ended chan lane
}

// lane is what came of one: whether its client is to be left alone for a while, and what
// failed that is not the client's fault.
type lane struct {
	clientID string
	rest     bool
	err      error
}

func newRound() *round {
	return &round{away: map[string]time.Time{}, ended: make(chan lane)}
}

// begin opens lanes while there are any, and waits for none of them to end.
func (s *Service) begin(ctx context.Context, r *round) error {
	now := s.Now()
	maps.DeleteFunc(r.away, func(_ string, until time.Time) bool { return !until.IsZero() && !now.Before(until) })
	for asked := false; r.open < lanes; {
		if len(r.queue) == 0 && !asked {
			list, err := s.Store.Waiting(ctx, now)
			if err != nil {
				return err
			}
			r.queue, asked = list, true
		}
		if len(r.queue) == 0 {
			return nil
		}
		id := r.queue[0]
		r.queue = r.queue[1:]
		if _, ok := r.away[id]; ok {
			continue
		}
		r.away[id] = time.Time{}
		r.open++
		go func() {
			rest, err := s.serve(ctx, id)
			r.ended <- lane{id, rest, err}
		}()
	}
	return nil
}

// end takes in a lane that has ended.
func (r *round) end(l lane, now time.Time) error {
	r.open--
	delete(r.away, l.clientID)
	if l.rest || l.err != nil {
		r.away[l.clientID] = now.Add(firstPause)
	}
	if l.err != nil {
		return fmt.Errorf("client %s: %w", l.clientID, l.err)
	}
	return nil
}

// serve tells one client of a batch, and reports whether it did not answer.
func (s *Service) serve(ctx context.Context, id string) (silent bool, err error) {
	c, err := s.Store.Client(ctx, id)
	if errors.Is(err, reason.New(reason.NotFound, nil)) {
		return true, nil // deleted meanwhile, and its notices with it
	}
	if err != nil {
		return false, err
	}
	list, err := s.Store.Notices(ctx, id, s.Now(), batch)
	if err != nil {
		return false, err
	}
	answered, errs := make([]bool, len(list)), make([]error, len(list))
	var all sync.WaitGroup
	for i, n := range list {
		all.Go(func() { answered[i], errs[i] = s.tell(ctx, c, n) })
	}
	all.Wait()
	return slices.Contains(answered, false), errors.Join(errs...)
}
