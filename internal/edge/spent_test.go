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
