package edge

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jotward/jotward/internal/config"
)

// schemes are those of origins, with the port that each has by itself.
var schemes = map[string]string{"https": "443", "http": "80"}

// originOf writes an origin as it is compared with another (RFC 6454 6.2): in lower
// case, without the scheme's own port.
func originOf(scheme, authority string) (string, bool) {
	host, ok := canonicalHost(authority)
	own, known := schemes[scheme]
	if !ok || !known {
		return "", false
	}
	if strings.HasSuffix(authority, "]") || !strings.Contains(authority, ":") {
		return scheme + "://" + host, true
	}
	_, port, err := net.SplitHostPort(authority)
	if err != nil {
		return "", false
	}
	if port = strings.TrimLeft(port, "0"); port == own {
		return scheme + "://" + host, true
	}
	return scheme + "://" + host + ":" + port, port != ""
}

// compileOrigins reads what clients call this edge. It returns nil for an empty list.
func compileOrigins(list []string) (map[string]bool, error) {
	var out map[string]bool
	for _, text := range list {
		scheme, authority, _ := strings.Cut(text, "://")
		origin, ok := originOf(scheme, authority)
		if !ok {
			return nil, fmt.Errorf("origins: %q is not https://host[:port]", text)
		}
		if out == nil {
			out = map[string]bool{}
		}
		out[origin] = true
	}
	return out, nil
}

// called returns the origin that a request was sent to, and whether that is this
// edge: htu is compared with it, and by a Host header that nobody checked, or one
// that a proxy passes on, a proof for another server would hold here (RFC 9449 4.3,
// 9). Without a list it is one of the route's hosts, at the scheme's own port.
func (ps *proofs) called(rt *route, w *way) (origin string, ours bool) {
	origin, ok := originOf(w.proto(), w.host)
	if ps.origins != nil {
		return origin, ok && ps.origins[origin]
	}
	return origin, ok && rt.hosts[strings.TrimPrefix(origin, w.proto()+"://")]
}

// checkCalled refuses a route that takes proofs under every name.
func (ps *proofs) checkCalled(c *config.Route) error {
	takes := c.Auth != "none" && (c.Credentials == nil || c.Credentials.Header)
	if ps == nil || !takes || ps.origins != nil || len(c.Hosts) > 0 {
		return nil
	}
	return errors.New("takes DPoP proofs made for any server: name what clients call this edge in edge.dpop.origins, such as https://api.example.com, or the route's hosts (RFC 9449 4.3)")
}
