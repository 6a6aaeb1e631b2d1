package edge

import (
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
)

// A request that began while its token held may come to spend it only when it has
// ended, as behind a slow shared limit. Of two, the second is refused all the same.
func TestOneTimeAtTheEnd(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "once", Path: "/once/", OneTime: true}))
	token := w.a.token(nil)
	for range 2 { // what begins before the keys are there is not kept
		if a := w.get("/api/", auth(token)); a.status != 200 {
			t.Fatal(a)
		}
	}
	v, s := w.find(token), w.edge.current.Load()
	p := &passage{state: s}
	w.forward(v.expiry.Sub(w.now()) + time.Millisecond)
	if no := w.edge.spend(t.Context(), p, s.route("once"), v); no != nil {
		t.Fatal(no)
	}
	w.forward(time.Millisecond)
	if no := w.edge.spend(t.Context(), p, s.route("once"), v); no == nil || no.code != reason.TokenReplayed {
		t.Error("the second of two:", no)
	}
}

// An issuer may prolong an opaque token, which is remembered for as long as any end
// would be taken that it could be given.
func TestOneTimeOfAProlongedToken(t *testing.T) {
	t.Parallel()
	o := &oracle{}
	w := build(t, asks(o), with(config.Route{Name: "once", Path: "/once/", OneTime: true}))
	began := w.now()
	o.body = func(string) string {
		return w.active(map[string]any{"iat": began.Unix(), "exp": w.now().Add(5 * time.Minute).Unix()})
	}
	if a := w.get("/once/", auth(ref)); a.status != 200 {
		t.Fatal(a)
	}
	for range 5 {
		w.forward(10 * time.Minute)
		if a := w.get("/once/", auth(ref)); a.code() != string(reason.TokenReplayed) {
			t.Error(w.now().Sub(began), a)
		}
	}
}
