package peers

import (
	"slices"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// unsigned says which algorithms and shapes of signatures a peer has not. All
// others must work, and what stands here must not, so that the list stays true.
var unsigned = map[string][]string{
	"go-jose": {"Ed25519", "json detached", "json detached unencoded"},
	"jose":    {"EdDSA", "Ed25519", "compact detached unencoded", "json unencoded", "json detached unencoded"},
}

var signedShapes = []shape{
	{},
	{detached: true},
	{detached: true, unencoded: true},
	{json: true},
	{json: true, detached: true},
	{json: true, unencoded: true},
	{json: true, detached: true, unencoded: true},
}

func TestSignatures(t *testing.T) {
	keys := map[jwk.Algorithm]signer{}
	for _, a := range jwk.SignatureAlgorithms() {
		keys[a] = signer{generate(t, a, "k"), generate(t, a, "k")}
	}
	second := signer{generate(t, jwk.ES256, "second"), generate(t, jwk.ES256, "second")}
	eachPeer(t, func(t *testing.T, name string, p peer) {
		for _, s := range signedShapes {
			for _, a := range jwk.SignatureAlgorithms() {
				t.Run(s.String()+" "+string(a), func(t *testing.T) {
					lacks := slices.Contains(unsigned[name], string(a)) || slices.Contains(unsigned[name], s.String())
					signatures(t, name, p, s, lacks, keys[a])
				})
				if s.json {
					t.Run(s.String()+" general "+string(a), func(t *testing.T) {
						lacks := slices.Contains(unsigned[name], string(a)) || slices.Contains(unsigned[name], s.String())
						signatures(t, name, p, s, lacks, keys[a], second)
						signatures(t, name, p, s, lacks, second, keys[a])
					})
				}
			}
		}
	})
}

// signer is a key and another of the same kind, under which nothing may hold.
type signer struct{ key, other *jwk.Key }

// signatures has the two read each other's message for each of its keys.
func signatures(t *testing.T, name string, p peer, s shape, lacks bool, list ...signer) {
	var public, private []holder
	var keys []*jwk.Key
	for _, k := range list {
		pub, priv := export(t, k.key, string(k.key.Algorithm()))
		public, private, keys = append(public, pub), append(private, priv), append(keys, k.key)
	}
	theirs, err := p.sign(s, private...)
	if (err != nil) != lacks {
		t.Fatalf("signs: %v, lacks it: %v", err, lacks)
	}
	if lacks {
		return
	}
	ours, err := sign(s, keys)
	if err != nil {
		t.Fatal(err)
	}
	f := signedFault(name, s)
	for i, k := range keys {
		got, err := p.verify(s, public[i], ours)
		if right := err == nil && got == payload; right == (f != nil && f.blind) {
			t.Errorf("reads ours: %q, %v", got, err)
		}
		theirs, ok := f.mended(t, theirs, func(text string) error { _, err := verify(t, s, k, text); return err })
		if !ok {
			continue
		}
		if got, err := verify(t, s, k, theirs); err != nil || got != payload {
			t.Errorf("we do not read %s: %v", theirs, err)
		}
		stranger, _ := export(t, list[i].other, string(k.Algorithm()))
		if _, err := p.verify(s, stranger, ours); err == nil {
			t.Error("it accepts anything")
		}
		if _, err := verify(t, s, list[i].other, theirs); err == nil {
			t.Error("we accept anything")
		}
	}
}

func sign(s shape, keys []*jwk.Key) (string, error) {
	o := jws.SignOptions{Unencoded: s.unencoded}
	switch {
	case s.json && s.detached:
		text, err := jws.SignJSONDetached([]byte(payload), keys, o)
		return string(text), err
	case s.json:
		text, err := jws.SignJSON([]byte(payload), keys, o)
		return string(text), err
	case s.detached:
		return jws.SignDetached([]byte(payload), keys[0], o)
	}
	return jws.Sign([]byte(payload), keys[0], o)
}

func verify(t *testing.T, s shape, key *jwk.Key, token string) (string, error) {
	o := jws.Options{Algorithms: []jwk.Algorithm{key.Algorithm()}}
	var m *jws.Message
	var err error
	switch {
	case s.json && s.detached:
		m, err = jws.VerifyJSONDetached(t.Context(), []byte(token), []byte(payload), key, o)
	case s.json:
		m, err = jws.VerifyJSON(t.Context(), []byte(token), key, o)
	case s.detached:
		m, err = jws.VerifyDetached(t.Context(), token, []byte(payload), key, o)
	default:
		m, err = jws.Verify(t.Context(), token, key, o)
	}
	if err != nil {
		return "", err
	}
	return string(m.Payload), nil
}
