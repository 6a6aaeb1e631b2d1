package web

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
)

// Peers says whose forwarded headers are believed.
type Peers struct {
	Trusted []netip.Prefix
	// ProxyTLS is true when a trusted proxy ends TLS: every other peer off
	// loopback, and every request that reached the proxy in clear, is refused.
	ProxyTLS bool
}

func (p Peers) trusts(a netip.Addr) bool {
	for _, prefix := range p.Trusted {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// sent reports whether the request came from a trusted proxy itself.
func (p Peers) sent(r *http.Request) bool {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && p.trusts(ap.Addr().Unmap())
}

// Client returns the address of the client: the peer's own, or, behind trusted
// proxies, the right-most one of X-Forwarded-For that no trusted proxy has.
// What stands further left was written by strangers.
func (p Peers) Client(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a := ap.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.trusts(a); i-- {
		hop := strings.TrimSpace(hops[i])
		next, err := netip.ParseAddr(hop)
		if ap, portErr := netip.ParseAddrPort(hop); portErr == nil { // some write the port too
			next, err = ap.Addr(), nil
		}
		if err != nil {
			break
		}
		a = next.Unmap().WithZone("")
	}
	return a
}

// secure reports whether nobody could read the request on its way.
func (p Peers) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	a := ap.Addr().Unmap()
	if p.trusts(a) {
		proto := r.Header.Values("X-Forwarded-Proto")
		return len(proto) == 1 && strings.EqualFold(proto[0], "https")
	}
	return a.IsLoopback()
}

// Guard refuses what arrived in clear where a proxy should have ended TLS.
func (s *Server) Guard(next http.Handler) http.Handler {
	if !s.Peers.ProxyTLS {
		return next
	}
	refused := s.handle(Route{Style: Problem, Handler: func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Del("Strict-Transport-Security") // RFC 6797 7.2
		return reason.New(reason.TransportInsecure, errors.New("the peer is no trusted proxy, or the proxy was reached in clear"))
	}})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.Peers.secure(r) {
			refused.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// caller is what is known of who sent a request.
type caller struct {
	addr   netip.Addr
	client string
	proved bool // the client has shown its secret or its key
	// certificates reads those of the client, once; nil where nobody looks at any.
	certificates func() []*x509.Certificate
	limited      func(clientID string) error
}

func (s *Server) caller(r *http.Request) *caller {
	who := &caller{addr: s.Peers.Client(r), limited: func(id string) error { return take(s.Limits.Client, id, s.Now()) }}
	if s.Certificates != "" {
		who.certificates = sync.OnceValue(func() []*x509.Certificate { return s.Certificates.chain(r, s.Peers.sent(r)) })
	}
	return who
}

type callerKey struct{}

// ClientAddr returns the client's address of a request that Handle passed on.
func ClientAddr(ctx context.Context) netip.Addr {
	if who, ok := ctx.Value(callerKey{}).(*caller); ok {
		return who.addr
	}
	return netip.Addr{}
}

// ByClient notes which registered client a request is of, for its log line.
func ByClient(ctx context.Context, id string) {
	if who, ok := ctx.Value(callerKey{}).(*caller); ok {
		who.client = id
	}
}

// Authenticated is Noted, and counts a client that proved who it is: it fails with
// RateLimited where it comes too often.
func Authenticated(ctx context.Context, c client.Client) error {
	Noted(ctx, c)
	if who, ok := ctx.Value(callerKey{}).(*caller); ok && who.proved {
		return who.limited(c.ID)
	}
	return nil
}

// Noted notes the client that client.Service.Authenticate returned, and whether it proved
// who it is: a public one did not.
func Noted(ctx context.Context, c client.Client) {
	if who, ok := ctx.Value(callerKey{}).(*caller); ok {
		who.client, who.proved = c.ID, c.ID != "" && !c.Public
	}
}

// proved reports whether Authenticated has seen a client that is not public.
func proved(ctx context.Context) bool {
	who, ok := ctx.Value(callerKey{}).(*caller)
	return ok && who.proved
}
