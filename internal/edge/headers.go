package edge

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// fold gives all spellings of a header that a server behind may take for the
// same one name: CGI turns every byte but letters and digits into an underscore
// (CVE-2025-64484, CVE-2026-39858).
func fold(name string) string {
	out := []byte(name)
	for i, c := range out {
		if c = lowerByte(c); !('a' <= c && c <= 'z' || '0' <= c && c <= '9') {
			c = '-'
		}
		out[i] = c
	}
	return string(out)
}

// Headers by which origins are told who asks, from where and for what. Only the
// edge says that here; a client's own words are dropped on every route.
var (
	spokenFor = map[string]bool{
		"forwarded": true, "x-real-ip": true, "client-ip": true, "x-originating-ip": true, "x-azure-clientip": true, "x-azure-socketip": true,
		"x-rewrite-url": true, "x-override-url": true, "x-host": true, "x-http-host-override": true, "x-request-id": true,
		"x-scheme": true, "x-url-scheme": true, "front-end-https": true,
		"client-cert": true, "client-cert-chain": true, // RFC 9440 4
		"x-user": true, "x-user-id": true, "x-user-name": true, "x-username": true, "x-user-email": true, "x-user-roles": true, "x-user-groups": true, "x-userinfo": true,
		"x-email": true, "x-groups": true, "x-roles": true, "x-subject": true, "x-tenant-id": true, "x-forwarded": true, "forwarded-for": true, "x-accel-redirect": true,
		"x-client-cert": true, "x-arr-clientcert": true,
		"proxy": true, // CGI makes it HTTP_PROXY (CVE-2016-5385)
	}
	// Of other proxies and gateways, x-middleware- of a framework that skipped
	// its own checks for it (CVE-2025-29927).
	spokenForPrefixes = []string{"x-forwarded-", "x-original-", "x-remote-", "remote-", "x-authenticated-", "x-webauth-", "x-authentik-",
		"x-goog-authenticated-", "x-ms-client-principal", "tailscale-user-", "x-envoy-", "x-middleware-", "x-ssl-client-", "ssl-client-", "x-jotward-",
		"x-auth-", "x-jwt-", "x-pomerium-", "cf-access-", "x-amzn-oidc-", "x-consumer-", "x-credential-", "oidc-", "sm-", "impersonate-"}
	spokenForSuffixes = []string{"-client-ip", "-connecting-ip"}
	// methodOverrides matter where routes go by method.
	methodOverrides = map[string]bool{"x-http-method": true, "x-http-method-override": true, "x-method-override": true}
)

// inbound says whether a client's header is dropped.
func (s *state) inbound(name string) bool {
	f := fold(name)
	if s.identity[f] || spokenFor[f] || s.byMethod && methodOverrides[f] {
		return true
	}
	for _, p := range spokenForPrefixes {
		if strings.HasPrefix(f, p) {
			return true
		}
	}
	for _, e := range spokenForSuffixes {
		if strings.HasSuffix(f, e) {
			return true
		}
	}
	// Content_Length and its kin, in the spelling that only some servers fold: it
	// would frame or type the message anew. The plain spelling is net/http's.
	return !strings.EqualFold(f, name) && (notForIdentities[f] || strings.HasPrefix(f, "content-"))
}

// notForIdentities are headers that frame, route or authenticate a message.
var notForIdentities = map[string]bool{
	"authorization": true, "host": true, "connection": true, "te": true, "trailer": true, "transfer-encoding": true, "upgrade": true,
	"keep-alive": true, "expect": true, "cookie": true, "via": true, "date": true, "origin": true, "range": true, "traceparent": true, "tracestate": true,
	"http2-settings": true, "proxy": true, "proxy-connection": true, "proxy-authorization": true, "forwarded": true, "x-request-id": true,
	"sec-websocket-protocol": true,
}

// checkHeaders holds what a route sets to names that nothing else means.
func checkHeaders(headers map[string]string) error {
	seen := map[string]string{}
	for name, claim := range headers {
		f := fold(name)
		switch {
		case name == "" || claim == "" || strings.ToLower(name) != f || strings.Trim(name, "-") != name:
			return fmt.Errorf("header %q for claim %q: names have letters, digits and dashes", name, claim)
		case notForIdentities[f] || methodOverrides[f] || strings.HasPrefix(f, "content-") || strings.HasPrefix(f, "x-forwarded-") ||
			strings.HasPrefix(f, "x-original-") || strings.HasPrefix(f, "sec-"):
			return fmt.Errorf("header %q is not for identities: choose another name", name)
		case seen[f] != "":
			return fmt.Errorf("headers %q and %q are one: set it once", name, seen[f])
		}
		seen[f] = name
	}
	return nil
}

// A way is how a request came here.
type way struct {
	peer    netip.Addr // the other end of the connection
	trusted bool       // peer is in trusted_proxies
	client  netip.Addr // the right-most address that no trusted proxy has
	address string     // client, written; "" when there is none
	chain   string     // for X-Forwarded-For, peer included
	secure  bool       // TLS, on the connection or as a trusted proxy says
	host    string     // for X-Forwarded-Host
}

// wayOf reads forwarded headers of trusted peers alone (CVE-2026-40575,
// GHSA-6384-m2mw-rf54), and of those only what has one reading.
func (s *state) wayOf(r *http.Request) way {
	w := way{host: r.Host, secure: r.TLS != nil}
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return w
	}
	w.peer = ap.Addr().Unmap().WithZone("")
	w.client, w.address, w.trusted = w.peer, w.peer.String(), s.trusts(w.peer)
	w.chain = w.address
	if !w.trusted {
		return w
	}
	if prior := strings.Join(r.Header["X-Forwarded-For"], ", "); prior != "" {
		w.chain = prior + ", " + w.chain
		nearest, known := s.clientOf(prior, w.peer)
		if w.client = nearest; !known {
			w.client = netip.Addr{}
		}
		if nearest != w.peer {
			w.address = nearest.String()
		}
	}
	// Two values were written by two hands, and the left one may be a stranger's.
	if v := r.Header["X-Forwarded-Proto"]; len(v) == 1 {
		w.secure = w.secure || strings.EqualFold(v[0], "https")
	}
	if v := r.Header["X-Forwarded-Host"]; len(v) == 1 {
		if _, ok := canonicalHost(v[0]); ok {
			w.host = v[0]
		}
	}
	return w
}

// clientOf walks from the right: each trusted proxy vouches for the address
// left of it, and nobody for what is left of the first untrusted one. known is false when a
// proxy vouches for what is no address: "unknown", or a name that hides it (RFC 7239 6).
func (s *state) clientOf(chain string, peer netip.Addr) (client netip.Addr, known bool) {
	client = peer
	hops := strings.Split(chain, ",")
	for i := len(hops) - 1; i >= 0 && s.trusts(client); i-- {
		hop := strings.TrimSpace(hops[i])
		a, err := netip.ParseAddr(hop)
		if ap, portErr := netip.ParseAddrPort(hop); portErr == nil {
			a, err = ap.Addr(), nil
		}
		if err != nil {
			return client, false
		}
		client = a.Unmap().WithZone("")
	}
	return client, true
}

func (s *state) trusts(a netip.Addr) bool {
	for _, p := range s.trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// requestID takes over a trusted peer's, if it is harmless in every log.
func (w *way) requestID(r *http.Request) string {
	v := r.Header["X-Request-Id"]
	if !w.trusted || len(v) != 1 || len(v[0]) < 8 || len(v[0]) > 64 {
		return newRequestID()
	}
	for i := range len(v[0]) {
		if c := v[0][i]; !unreserved(c) || c == '~' {
			return newRequestID()
		}
	}
	return v[0]
}

// traceID returns the trace of a well-formed traceparent (W3C Trace Context
// 3.2.2), for the log. The header itself passes through as it is.
func traceID(h http.Header) string {
	v := h["Traceparent"]
	if len(v) != 1 || len(v[0]) < 55 || v[0][2] != '-' || v[0][35] != '-' {
		return ""
	}
	id := v[0][3:35]
	if strings.Trim(id, "0123456789abcdef") != "" || strings.Trim(id, "0") == "" {
		return ""
	}
	return id
}
