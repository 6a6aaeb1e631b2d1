package edge

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
)

// Requests that are taken back as soon as they were sent (CVE-2023-44487): the origin has
// never more of them at once than one connection may have, and other clients are served.
func TestRapidReset(t *testing.T) {
	t.Parallel()
	w := build(t)
	w.edge.options.Observe = nil
	var now, most atomic.Int64
	w.origin.do = func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/x" {
			return
		}
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-r.Context().Done()
	}
	address := w.startTLS()
	h := w.dialHTTP2(address)
	defer h.Close()
	const last = 4001
	became := make(chan string)
	go func() { became <- h.hear(last) }()
	fields := strings.Clone(string(h.pack("{get}"))) // which fills the table; from then on the same bytes mean the same
	h.send(http2.FrameHeaders, http2.FlagHeadersEndHeaders|http2.FlagHeadersEndStream, 1, []byte(fields))
	again := strings.Clone(string(h.pack("{get}")))
	for stream := uint32(3); stream < last; stream += 2 {
		h.send(http2.FrameHeaders, http2.FlagHeadersEndHeaders|http2.FlagHeadersEndStream, stream, []byte(again))
		h.send(http2.FrameRSTStream, 0, stream, []byte{0, 0, 0, 8})
	}
	clean := "end: " + strings.Replace(h.fields["{get}"], "/api/x", "/api/y", 1)
	h.step(fmt.Sprint("headers ", last, " ", clean))
	if got := <-became; got != "ok" && got != "connection ENHANCE_YOUR_CALM" && got != "closed" {
		t.Error("the connection: ", got)
	}
	if n := most.Load(); n > 250 { // net/http's streams of one connection; none, where each was taken back in time
		t.Error(n, " at once at the origin")
	}
	other := w.dialHTTP2(address)
	defer other.Close()
	if other.step("headers 1 " + clean); other.hear(1) != "ok" {
		t.Error("another client is not served")
	}
}

// Frames that cost a client nothing and must be answered, by one that does not read the
// answers (CVE-2019-9512, CVE-2019-9515), and fields without end (CVE-2023-45288): the
// connection ends, or nothing has piled up and it goes on.
func TestFrameFloods(t *testing.T) {
	t.Parallel()
	w := build(t)
	address := w.startTLS()
	for name, flood := range map[string]func(h *wireClient){
		"PING":     func(h *wireClient) { h.send(http2.FramePing, 0, 0, make([]byte, 8)) },
		"SETTINGS": func(h *wireClient) { h.send(http2.FrameSettings, 0, 0, nil) },
		"CONTINUATION": func(h *wireClient) {
			h.send(http2.FrameContinuation, 0, 1, h.pack("x-a={long}"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := w.dialHTTP2(address)
			defer h.Close()
			if name == "CONTINUATION" {
				h.step("headers 1 end open: {get}")
			}
			for range 15_000 {
				if flood(h); h.failed != nil {
					break
				}
			}
			if name != "CONTINUATION" {
				h.step("headers 1 end: {get}")
			}
			// net/http has one acknowledgement of SETTINGS under way and drops the others; it
			// keeps up with PING where the system's buffers take the answers.
			if got := h.hear(1); got != "closed" && !strings.HasPrefix(got, "connection ") && !(name != "CONTINUATION" && got == "ok") {
				t.Error(got)
			}
		})
	}
}
