package edge

import (
	"runtime"
	"testing"
	"time"
)

// idle waits until no issuer is asked about what is under way.
func (w *world) idle() {
	for busy := true; busy; {
		busy = false
		w.edge.underway.Range(func(key, _ any) bool {
			busy = busy || key.(*passage).again.asking.Load()
			return true
		})
		runtime.Gosched()
	}
}

// reviewed is what happens five times a second, to its end.
func (w *world) reviewed() {
	w.edge.review()
	w.idle()
}

func opaqueHead(path, token string) string {
	extra := ""
	if path == "/api/socket" {
		extra = upgrade
	}
	return "GET " + path + " HTTP/1.1\r\nHost: e\r\n" + auth(token) + extra + "\r\n"
}

// Where no feed tells that a token was taken back, the issuer is asked again about
// what has no end of its own, once a minute, and ends it.
func TestStreamsOfOpaqueTokens(t *testing.T) {
	t.Parallel()
	o := &oracle{}
	w := build(t, asks(o))
	say, gone := make(chan string), make(chan string, 16)
	w.origin.do = lasting(say, gone)
	long := w.begin(opaqueHead("/api/long", "download")).answer(t)
	streams := []*lastingRequest{w.begin(opaqueHead("/api/socket", "socket")).answer(t), w.begin(opaqueHead("/api/events", "events")).answer(t)}
	asked := func(what string, want int64) {
		t.Helper()
		if n := o.asked.Load(); n != want {
			t.Errorf("%s: asked %d times, want %d", what, n, want)
		}
	}
	w.reviewed()
	w.forward(time.Minute - 1)
	w.reviewed()
	asked("before a minute is over", 3)
	w.forward(1)
	w.reviewed()
	asked("then", 5)
	w.forward(time.Minute - 1)
	w.reviewed()
	asked("again before", 5)
	o.body = func(token string) string { return w.active(map[string]any{"active": false}) }
	w.forward(1)
	w.reviewed()
	asked("then", 7)
	for _, l := range streams {
		l.ends(t)
		<-gone
		if e := <-w.events; e.Reason != "token_inactive" || !e.Allowed {
			t.Error(e)
		}
	}
	say <- "second\n"
	long.reads(t, "second\n")
}

// An answer about somebody else, or that does not hold by now, ends it as well, and so
// does silence that lasts; for the view there is nothing to ask.
func TestStreamsOfOpaqueTokensInDoubt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		change map[string]any
		code   string
		after  time.Duration
	}{
		"another audience": {200, map[string]any{"aud": "other"}, "audience_mismatch", time.Minute},
		"silence":          {503, nil, "introspection_unavailable", 2 * time.Minute},
	} {
		o := &oracle{}
		w := build(t, asks(o))
		say, gone := make(chan string), make(chan string, 16)
		w.origin.do = lasting(say, gone)
		l := w.begin(opaqueHead("/api/socket", ref)).answer(t)
		w.reviewed()
		o.status, o.body = c.status, func(string) string { return w.active(c.change) }
		for passed := time.Second; passed < c.after; passed += time.Second {
			w.forward(time.Second)
			w.reviewed()
		}
		say <- "second\n"
		l.reads(t, "second\n")
		w.forward(time.Second)
		w.reviewed()
		w.reviewed()
		l.ends(t)
		if e := <-w.events; string(e.Reason) != c.code {
			t.Error(name, e)
		}
	}
	o := &oracle{}
	w := fed(t, o)
	say, gone := make(chan string), make(chan string, 16)
	w.origin.do = lasting(say, gone)
	l := w.begin(opaqueHead("/api/socket", ref)).answer(t)
	for range 10 {
		w.reviewed()
		w.forward(time.Minute)
		w.source().view.Hear(w.now(), w.now())
	}
	if o.asked.Load() != 1 {
		t.Error("asked although a feed is followed:", o.asked.Load())
	}
	say <- "second\n"
	l.reads(t, "second\n")
}
