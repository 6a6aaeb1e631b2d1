package edge

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
)

// binding is what a token is bound to by cnf; empty for a bearer's.
type binding struct {
	jkt string // the thumbprint of the key of DPoP proofs (RFC 9449 6.1)
	x5t string // the thumbprint of a client certificate (RFC 8705 3.1)
}

// bindingOf reads a cnf that names one or both and nothing besides. Every other one,
// null and empty too, binds to something that nobody checks here.
func bindingOf(cnf any) (b binding, ok bool) {
	members, _ := cnf.(map[string]any)
	for name, v := range members {
		text, _ := v.(string)
		if len(text) != 43 { // a SHA-256 hash in base64url
			return binding{}, false
		}
		switch name {
		case "jkt":
			b.jkt = text
		case "x5t#S256":
			b.x5t = text
		default:
			return binding{}, false
		}
	}
	return b, b != binding{}
}

// prove holds a token against the way it came: whoever it is bound to must show
// that it is he, each time.
func (s *state) prove(ctx context.Context, p *passage, rt *route, v *verified, path string, now time.Time) *refusal {
	if x5t := v.identity.bound.x5t; x5t != "" {
		if s.certificates == "" { // nobody looks at certificates here
			return &refusal{code: reason.SenderProofUnchecked}
		}
		if got := s.certificate(p.in, p); got != x5t {
			return &refusal{code: reason.SenderMismatch, detail: "the token is bound to another client certificate, or none came"}
		}
	}
	return s.proveKey(ctx, p, rt, v, path, now)
}

// certificate returns the thumbprint of the client's certificate, "" for none. Its
// possession was shown in the handshake, here or at the trusted proxy; who issued it
// says nothing, for the token names it (RFC 8705 3, 6.2).
func (s *state) certificate(r *http.Request, p *passage) string {
	raw := s.certificates.Leaf(r, p.way.trusted)
	if len(raw) == 0 {
		return ""
	}
	return web.Thumbprint(raw)
}

func checkCertificates(from string, trusted int) error {
	switch {
	case from != "" && from != string(web.FromConnection) && from != string(web.FromHeader):
		return errors.New("is neither connection nor header")
	case from == string(web.FromHeader) && trusted == 0:
		return errors.New("header needs trusted_proxies: from anybody else it is a stranger's word")
	}
	return nil
}

// spend lets a token through a one-time route for the first time.
func (e *Edge) spend(ctx context.Context, p *passage, rt *route, v *verified) *refusal {
	if !rt.OneTime {
		return nil
	}
	id := v.identity.subject.TokenID
	if id == "" {
		return &refusal{code: reason.ClaimMissing, detail: "jti is required on a one-time route"}
	}
	sum := sha256.Sum256([]byte(rt.Name + "\x00" + v.identity.issuer + "\x00" + id))
	end := v.expiry
	if v.introspected() { // the issuer may give it another end later, which is no later than this one
		end = v.identity.subject.IssuedAt.Add(v.issuer.maxLifetime)
	}
	seen, err := e.spent.Seen(ctx, string(sum[:]), end.Add(spentLonger))
	switch {
	case err != nil:
		return &refusal{code: reason.StoreUnavailable, detail: err.Error()}
	case seen:
		return &refusal{code: reason.TokenReplayed, detail: "the route takes each token once"}
	}
	return nil
}

// spentLonger is how long a token is remembered past its end: of requests that began
// before it, some come to spend only after it.
const spentLonger = time.Minute

// maxSpent is how many tokens of one-time routes are remembered, each until a
// minute after it expires. A full memory refuses: what it forgot could come again.
const maxSpent = 1 << 20
