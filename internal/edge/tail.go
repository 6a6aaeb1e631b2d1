package edge

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
)

// tails are those who follow what the edge decides, while it does.
type tails struct {
	any    atomic.Bool // whether anybody does: it is asked for every request
	mu     sync.Mutex
	open   map[*tail]struct{}
	ending bool
}

// A tail gets events as they end. One that reads too slowly misses some: no request
// waits for it.
type tail struct {
	events chan tailed
	missed atomic.Int64
	end    chan struct{}
}

type tailed struct {
	at time.Time
	Event
}

// mostTails bounds how many may follow at once, and waitingEvents how far one may
// fall behind.
const (
	mostTails     = 16
	waitingEvents = 1024
	tailQuiet     = 15 * time.Second // until an empty line says that the connection stands
)

func (t *tails) add() *tail {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ending || len(t.open) >= mostTails {
		return nil
	}
	if t.open == nil {
		t.open = map[*tail]struct{}{}
	}
	n := &tail{events: make(chan tailed, waitingEvents), end: make(chan struct{})}
	t.open[n] = struct{}{}
	t.any.Store(true)
	return n
}

func (t *tails) remove(n *tail) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, n)
	t.any.Store(len(t.open) > 0)
}

func (t *tails) tell(at time.Time, ev *Event) {
	if !t.any.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := range t.open {
		select {
		case n.events <- tailed{at, *ev}:
		default:
			n.missed.Add(1)
		}
	}
}

// EndTails ends every answer of Decisions, and refuses new ones: they have no end of
// their own, and a process that drains would wait for them.
func (e *Edge) EndTails() {
	t := &e.tails
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ending = true
	for n := range t.open {
		close(n.end)
		delete(t.open, n)
	}
	t.any.Store(false)
}

// Decision is an Event as Decisions writes it. It holds no token, and no path and no
// claim but the client's name unless the configuration says so.
type Decision struct {
	Time       time.Time `json:"time"`
	RequestID  string    `json:"request_id"`
	Allowed    bool      `json:"allowed"`
	Reason     string    `json:"reason,omitempty"`
	Detail     string    `json:"detail,omitempty"`
	Status     int       `json:"status"`
	Method     string    `json:"method"`
	Route      string    `json:"route,omitempty"`
	Issuer     string    `json:"issuer,omitempty"`
	ClientID   string    `json:"client_id,omitempty"`
	Client     string    `json:"client_addr"`
	Rule       string    `json:"rule,omitempty"`
	Shadow     string    `json:"shadow,omitempty"`
	ShadowRule string    `json:"shadow_rule,omitempty"`
	Upstream   string    `json:"upstream,omitempty"`
	CacheHit   bool      `json:"cache_hit"`
	Millis     float64   `json:"ms"`
	// Host, Path and Claims are there where edge.decisions says so, and Claims for a
	// token that held: those that are named, with iss and aud.
	Host   string         `json:"host,omitempty"`
	Path   string         `json:"path,omitempty"`
	Claims map[string]any `json:"claims,omitempty"`
	// Missed is how many came before this one that the reader was too slow for.
	Missed int64 `json:"missed,omitempty"`
}

// told is what decisions tell of a request beside.
type told struct {
	paths  bool
	claims []string
}

func compileTold(c *config.EdgeDecisions) (*told, error) {
	if c == nil {
		return nil, nil
	}
	if slices.Contains(c.Claims, "") {
		return nil, errors.New("claims: one has no name")
	}
	return &told{paths: c.Paths, claims: append([]string{"iss", "aud"}, c.Claims...)}, nil
}

func (t *tailed) decision(missed int64) Decision {
	d := t.plain(missed)
	if t.told == nil {
		return d
	}
	if t.told.paths {
		d.Host, d.Path = t.host, t.path
	}
	if t.who != nil {
		d.Claims = map[string]any{}
		for _, name := range t.told.claims {
			if v, there := t.who.claims[name]; there {
				d.Claims[name] = v
			}
		}
	}
	return d
}

func (t *tailed) plain(missed int64) Decision {
	return Decision{Time: t.at.UTC(), RequestID: t.RequestID, Allowed: t.Allowed, Reason: string(t.Reason), Detail: clean(t.Detail), Status: t.Status, Method: t.Method,
		Route: t.Route, Issuer: t.Issuer, ClientID: clean(t.ClientID), Client: t.Client, Rule: t.Rule, Shadow: t.Shadow, ShadowRule: t.ShadowRule,
		Upstream: t.Member, CacheHit: t.CacheHit, Millis: web.Millis(t.Total), Missed: missed}
}

// Decisions answers with what the edge decides from now on, a JSON object a line,
// until the caller leaves. It is for the admin listener.
func (e *Edge) Decisions(w http.ResponseWriter, r *http.Request) error {
	n := e.tails.add()
	if n == nil {
		return reason.New(reason.RateLimited, nil)
	}
	defer e.tails.remove(n)
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{}) // a recorder of tests has none
	write := json.NewEncoder(w)
	quiet := time.NewTicker(tailQuiet)
	defer quiet.Stop()
	for {
		if c.Flush() != nil {
			return nil // the caller is gone
		}
		select {
		case ev := <-n.events:
			if write.Encode(ev.decision(n.missed.Swap(0))) != nil {
				return nil
			}
		case <-quiet.C:
			if _, err := w.Write([]byte("\n")); err != nil {
				return nil
			}
		case <-n.end:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}
