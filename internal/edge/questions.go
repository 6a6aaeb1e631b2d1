package edge

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// questions are those that await an issuer's answer, shared out among the networks
// that ask, and what is known of an endpoint that gives none.
type questions struct {
	issuer string
	what   string // the endpoint's name, for the log
	most   int
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex
	asked   map[string]*question // by the whole token
	held    map[string]int       // by the network that asked first
	answers uint64               // that came
	silent  int                  // questions in a row to which none came
	until   time.Time            // while it is away: before then nobody asks
}

// A question is one that awaits its answer.
type question struct {
	done    chan struct{}
	token   string
	network string         // that asked first
	before  uint64         // answers that came before it was asked
	members map[string]any // of an answer that may be believed, active or not
	active  bool
	err     error
}

const (
	silentAfter = 3           // questions in a row without an answer: the endpoint is away
	askAgain    = time.Second // and one in so long tries it
)

var (
	errBusy = errors.New("too many questions under way, of this network or of all")
	errAway = errors.New("the endpoint gives no answers: it is tried once a second")
)

// unanswered is the error of an exchange to which no answer came, or a gateway's word
// that nobody is there.
type unanswered struct{ error }

// begin returns the question about a token, and whether it is the caller's to ask. A
// network holds at most as many as are free for everybody: alone it has half of
// them, and another one still finds room. So one that asks slowly cannot keep
// all others from asking.
func (qs *questions) begin(network, token string) (q *question, first bool, err error) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if q = qs.asked[token]; q != nil {
		return q, false, nil
	}
	if qs.held[network] >= qs.most-len(qs.asked) {
		return nil, false, errBusy
	}
	if now := qs.now(); qs.silent >= silentAfter {
		if now.Before(qs.until) {
			return nil, false, errAway
		}
		qs.until = now.Add(askAgain) // this one tries it
	}
	q = &question{done: make(chan struct{}), token: strings.Clone(token), network: network, before: qs.answers}
	qs.asked[q.token] = q
	qs.held[q.network]++
	return q, true, nil
}

// end forgets a question that has what there is of an answer. Silence counts only
// where nobody else was answered meanwhile: what one token does to the endpoint must not
// take the answers away from others.
func (qs *questions) end(q *question) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	delete(qs.asked, q.token)
	if qs.held[q.network]--; qs.held[q.network] == 0 {
		delete(qs.held, q.network)
	}
	_, none := errors.AsType[unanswered](q.err)
	switch {
	case !none: // a refusal is an answer as well: it comes from somebody who is there
		qs.answers++
		if qs.silent >= silentAfter {
			qs.log.Info("the "+qs.what+" endpoint answers", slog.String("issuer", qs.issuer))
		}
		qs.silent = 0
	case q.before == qs.answers:
		if qs.silent++; qs.silent == silentAfter {
			qs.until = qs.now().Add(askAgain)
			qs.log.Warn("the "+qs.what+" endpoint gives no answers: it is asked once a second", slog.String("issuer", qs.issuer), slog.String("detail", clean(q.err.Error())))
		}
	}
}
