package logout

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose/jwk"
)

// world is the store, in memory and in a bubble, and the clients that are told.
type world struct {
	*Service

	mu      sync.Mutex
	last    int64
	notices map[string][]*Notice // by client, in the order in which they are due
	of      map[int64]string     // the client of a notice
	answers map[string]func(context.Context) (int, error)
	broken  map[string]error // what of ours fails: "signing app"

	posts     map[string][]time.Time // when each client was told
	now, most map[string]int         // how many attempts are under way, "" for all clients
	events    map[Event]int
	acts      []audit.Act
	errs      []error
}

func newWorld() *world {
	w := &world{notices: map[string][]*Notice{}, of: map[int64]string{}, answers: map[string]func(context.Context) (int, error){}, broken: map[string]error{},
		posts: map[string][]time.Time{}, now: map[string]int{}, most: map[string]int{}, events: map[Event]int{}}
	w.Service = &Service{Store: w, Sign: w.sign, Post: w.post, Now: time.Now, Observe: func(e Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events[e]++
	}}
	return w
}

// runs has the service run, and returns what ends it and waits for that.
func (w *world) runs(t *testing.T) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx, func(err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.errs = append(w.errs, err)
		})
	}()
	return func() { cancel(); <-ended }
}

// after looks at the world when some time of the bubble has passed and nothing moves.
func (w *world) after(d time.Duration, look func()) {
	time.Sleep(d)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	look()
}

// owe keeps notices that are due now, for a day.
func (w *world) owe(id string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range n {
		w.last++
		w.of[w.last] = id
		w.put(&Notice{Seq: w.last, ClientID: id, Subject: "s", SessionID: "sid", Due: time.Now(), Expires: time.Now().Add(Life)})
	}
	w.Wake()
}

func (w *world) put(n *Notice) {
	list := w.notices[n.ClientID]
	i, _ := slices.BinarySearchFunc(list, n, order)
	w.notices[n.ClientID] = slices.Insert(list, i, n)
}

func order(a, b *Notice) int {
	if c := a.Due.Compare(b.Due); c != 0 {
		return c
	}
	return int(a.Seq - b.Seq)
}

// take removes a notice: one that is told stands in front.
func (w *world) take(seq int64) *Notice {
	id := w.of[seq]
	i := slices.IndexFunc(w.notices[id], func(n *Notice) bool { return n.Seq == seq })
	n := w.notices[id][i]
	w.notices[id] = slices.Delete(w.notices[id], i, i+1)
	return n
}

func (w *world) fails(what, clientID string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken[what+" "+clientID]
}

func (w *world) sign(_ context.Context, c token.Logout, _ jwk.Algorithm) (string, error) {
	return "a.b.c", w.fails("signing", c.Audience)
}

// post comes to a client whose address is its id, which answers 200 unless it is said otherwise.
func (w *world) post(ctx context.Context, address, _ string, _ []byte) (int, error) {
	w.mu.Lock()
	w.posts[address] = append(w.posts[address], time.Now())
	for _, id := range []string{address, ""} {
		w.now[id]++
		w.most[id] = max(w.most[id], w.now[id])
	}
	answer := w.answers[address]
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.now[address]--
		w.now[""]--
	}()
	if answer == nil {
		return 200, nil
	}
	return answer(ctx)
}

// silent is a client that accepts connections and says nothing, until outbound gives up.
func silent(ctx context.Context) (int, error) {
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Second):
	}
	return 0, reason.New(reason.AddressUnreachable, errors.New("timeout"))
}

func status(code int, after time.Duration) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { time.Sleep(after); return code, nil }
}

func (w *world) Client(_ context.Context, id string) (client.Client, error) {
	return client.Client{ID: id, BackchannelLogoutURI: id}, w.fails("client", id)
}

func (w *world) Waiting(_ context.Context, due time.Time) (out []string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, list := range w.notices {
		if len(list) > 0 && !list[0].Due.After(due) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out, w.broken["waiting"]
}

func (w *world) Notices(_ context.Context, id string, due time.Time, limit int) ([]Notice, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Notice
	for _, n := range w.notices[id] {
		if len(out) == limit || n.Due.After(due) {
			break
		}
		out = append(out, *n)
	}
	return out, w.broken["notices "+id]
}

func (w *world) PutOff(_ context.Context, seq int64, due time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.take(seq)
	n.Attempts++
	n.Due = due
	w.put(n)
	return nil
}

func (w *world) Settle(_ context.Context, seq int64, act audit.Act) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.take(seq)
	w.acts = append(w.acts, act)
	return nil
}
