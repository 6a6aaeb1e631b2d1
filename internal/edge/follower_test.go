package edge

import (
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

func TestFeedMessages(t *testing.T) {
	w := build(t, &config.EdgeFeed{ClientID: "e", ClientSecret: config.Literal("s")}, "")
	f := w.edge.current.Load().issuers[w.issuer.URL].follower
	stranger, err := jwk.Generate(jwk.ES256, "k1")
	if err != nil {
		t.Fatal(err)
	}
	sign := func(key *jwk.Key, typ string, m revoke.Message) string {
		m.Issuer, m.ID, m.IssuedAt = w.issuer.URL, "x", now
		claims, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		s, err := jwt.NewSigner(key, jwt.SignerOptions{Type: typ})
		if err != nil {
			t.Fatal(err)
		}
		text, err := s.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		return "data: " + text + "\n\n"
	}
	read := func(text string) error {
		return f.read(t.Context(), newFrames(strings.NewReader(text)), time.NewTimer(time.Hour))
	}
	snapshot := revoke.Message{Snapshot: &revoke.Snapshot{Log: "l", Seq: 4, Part: 1, Parts: 1}}
	if err := read(sign(stranger, revoke.Type, snapshot)); jose.ReasonOf(err) != jose.SignatureInvalid {
		t.Error(err)
	}
	if err := read(sign(w.key, "at+jwt", snapshot)); jose.ReasonOf(err) != jose.TypeMismatch {
		t.Error(err)
	}
	if log, _ := f.view.Position(); log != "" || !f.view.Stale(now, time.Hour) {
		t.Error("a forged message was taken")
	}
	batch := revoke.Message{Batch: &revoke.Batch{Log: "l", After: 4, Seq: 5, Entries: []revoke.Entry{
		{Seq: 5, Kind: revoke.KindGrant, ID: "gr_1", Expires: now.Add(time.Hour), At: now, Reason: reason.RefreshReused}}}}
	_ = read(sign(w.key, revoke.Type, snapshot) + sign(w.key, revoke.Type, batch)) // ends with the text
	if code, yes := f.view.Check(&revoke.Subject{GrantID: "gr_1"}); !yes || code != reason.GrantRevoked || f.view.Stale(now, time.Second) {
		t.Error(code, yes)
	}
}
