package edge

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// newTransport uses no proxy from the environment, and bounds every wait but
// that for a streamed body.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConns:          1024,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // bodies pass as they are
		ForceAttemptHTTP2:     true,
	}
}

type buffers struct{ pool sync.Pool }

var shared = &buffers{pool: sync.Pool{New: func() any { return new([32 << 10]byte) }}}

// Get and Put implement httputil.BufferPool.
func (b *buffers) Get() []byte { return b.pool.Get().(*[32 << 10]byte)[:] }

func (b *buffers) Put(s []byte) { b.pool.Put((*[32 << 10]byte)(s)) }

func (e *Edge) newProxy(r *route) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport:     e.proxy,
		FlushInterval: -1, // events pass as they come
		BufferPool:    shared,
		ErrorLog:      log.New(io.Discard, "", 0), // the event says it
		Rewrite:       r.rewrite,
		ErrorHandler: func(w http.ResponseWriter, in *http.Request, err error) {
			p := in.Context().Value(passageKey{}).(*passage)
			no := upstreamRefusal(err)
			p.event.Reason, p.event.Detail = no.code, no.detail
			deny(w, no, nil, p.event.RequestID)
		},
	}
}

func upstreamRefusal(err error) *refusal {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return &refusal{code: reason.UpstreamTimeout, detail: err.Error()}
	}
	return &refusal{code: reason.UpstreamUnreachable, detail: err.Error()}
}

// rewrite runs after ReverseProxy removed the hop-by-hop headers that the
// client named in Connection, so that a client cannot have the edge's own
// headers removed (CVE-2022-1388, CVE-2025-48865).
func (r *route) rewrite(pr *httputil.ProxyRequest) {
	p := pr.In.Context().Value(passageKey{}).(*passage)
	out := pr.Out
	out.URL.Scheme, out.URL.Host = r.target.Scheme, r.target.Host
	out.URL.Path, out.URL.RawPath, out.URL.RawQuery = pr.In.URL.Path, pr.In.URL.RawPath, pr.In.URL.RawQuery
	out.Host = pr.In.Host
	for name := range out.Header {
		if f := fold(name); p.state.identity[f] || strings.HasPrefix(f, "x-jotward-") || forwarded(f) {
			delete(out.Header, name)
		}
	}
	out.Trailer = nil // a trailer could name an identity after all headers were checked
	if r.strip {
		out.Header.Del("Authorization")
	}
	p.forwardedFor(pr)
	out.Header.Set("X-Jotward-Request-Id", p.event.RequestID)
	if p.identity == nil {
		return
	}
	for header, claim := range r.Headers {
		if text, ok := headerValue(p.identity.claims[claim]); ok {
			out.Header.Set(header, text)
		}
	}
}

// fold gives all spellings of a header that a server behind may take for the
// same one name (CVE-2025-64484, CVE-2026-39858).
func fold(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "-")) }

func forwarded(f string) bool {
	return f == "forwarded" || f == "x-real-ip" || strings.HasPrefix(f, "x-forwarded-") || strings.HasPrefix(f, "x-original-") || f == "x-rewrite-url"
}

// forwardedFor rebuilds what is said of the way here. Only a trusted peer's
// own words are kept (CVE-2026-40575, GHSA-6384-m2mw-rf54).
func (p *passage) forwardedFor(pr *httputil.ProxyRequest) {
	in, out := pr.In.Header, pr.Out.Header
	client, proto, host := "", "http", pr.In.Host
	if p.peer.IsValid() {
		client = p.peer.String()
	}
	if pr.In.TLS != nil {
		proto = "https"
	}
	if p.trusted {
		if prior := in.Values("X-Forwarded-For"); len(prior) > 0 {
			client = strings.Join(prior, ", ") + ", " + client
		}
		if v := in.Get("X-Forwarded-Proto"); strings.EqualFold(v, "http") || strings.EqualFold(v, "https") {
			proto = strings.ToLower(v)
		}
		if v, ok := canonicalHost(in.Get("X-Forwarded-Host")); ok {
			host = v
		}
	}
	out.Set("X-Forwarded-For", client)
	out.Set("X-Forwarded-Proto", proto)
	out.Set("X-Forwarded-Host", host)
}

// headerValue writes a claim into a header; a list is joined by commas. What a
// header cannot carry is left out, for a changed identity is worse than none.
func headerValue(v any) (string, bool) {
	text, ok := scalar(v)
	if list, isList := v.([]any); isList {
		parts := make([]string, 0, len(list))
		for _, item := range list {
			s, isText := item.(string)
			if !isText || strings.Contains(s, ",") {
				return "", false
			}
			parts = append(parts, s)
		}
		text, ok = strings.Join(parts, ","), true
	}
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return "", false
		}
	}
	return text, ok
}
