package jwks

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// A BundleConfig says which bundles are accepted. Its zero value is refused.
type BundleConfig struct {
	// Issuer is whose keys these must be, compared exactly: a bundle of another
	// issuer is as wrong as a token of another (RFC 8725 3.8).
	Issuer string
	// Algorithms binds keys that have no alg, as in Config. Required, never HMAC.
	Algorithms []jwk.Algorithm
	// MaxAge is how long after it was fetched the set is used, and then no more: a
	// key that its issuer has withdrawn since stays good for that long.
	MaxAge time.Duration
	// Leeway is granted to the clock of whoever fetched the set, should it be ahead
	// of this one. 0 means none.
	Leeway time.Duration
	// MaxKeys bounds the entries, usable or not. 0 means DefaultMaxKeys.
	MaxKeys int
	// Extensions read keys of algorithms that are not in this module, as in Config.
	Extensions []jwk.Extension
	// Clock returns the time. Required.
	Clock func() time.Time
}

// A Bundle is a key set to carry along: a key source for jwt.NewVerifier that
// never uses a network. It is safe for use by many goroutines.
//
// In bytes it is a JWK Set (RFC 7517 5) with two more members, which that clause
// lets every other reader ignore:
//
//	{"issuer": "https://issuer.example", "fetched_at": 1700000000, "keys": [...]}
//
// Nothing in it vouches for it: whoever can change the bytes on their way can
// change the keys. Carry it as you carry the program itself.
type Bundle struct {
	config  BundleConfig
	set     *jwk.Set
	fetched time.Time
}

// NewBundle reads a bundle. It fails with PolicyInvalid when an expectation is
// missing, and with KeySetInvalid for what is no bundle, for another issuer's, and
// for a set that a Remote would refuse. A bundle that is too old is read all the
// same: that is said when it is used, for it also happens later.
func NewBundle(data []byte, c BundleConfig) (*Bundle, error) {
	switch {
	case c.Issuer == "":
		return nil, fail(jose.PolicyInvalid, "no issuer is named")
	case c.MaxAge <= 0:
		return nil, fail(jose.PolicyInvalid, "no maximum age")
	case c.Leeway < 0 || c.MaxKeys < 0:
		return nil, fail(jose.PolicyInvalid, "a bound is negative")
	case c.Clock == nil:
		return nil, fail(jose.PolicyInvalid, "no clock is given; time.Now is one")
	}
	if err := checkAlgorithms(c.Algorithms); err != nil {
		return nil, err
	}
	if c.MaxKeys == 0 {
		c.MaxKeys = DefaultMaxKeys
	}
	set, err := parsePublished(data, c.Algorithms, c.Extensions, c.MaxKeys)
	if err != nil {
		return nil, err
	}
	var d strictjson.Doc
	if err := d.Scan(string(data)); err != nil {
		return nil, fail(jose.KeySetInvalid, err.Error())
	}
	if v, ok := d.Find("issuer"); !ok || v.Kind != strictjson.String || v.Text() != c.Issuer {
		return nil, fail(jose.KeySetInvalid, "bundle: issuer is not the expected one")
	}
	v, ok := d.Find("fetched_at")
	if !ok || v.Kind != strictjson.Number {
		return nil, fail(jose.KeySetInvalid, "bundle: fetched_at is missing or no number")
	}
	seconds, err := strconv.ParseUint(v.Raw, 10, 64)
	if err != nil || seconds > maxSeconds {
		return nil, fail(jose.KeySetInvalid, "bundle: fetched_at is no whole number of seconds since 1970")
	}
	return &Bundle{config: c, set: set, fetched: time.Unix(int64(seconds), 0).UTC()}, nil
}

// maxSeconds is the end of the year 9999.
const maxSeconds = 253402300799

// Fetched returns when the set was fetched from its issuer.
func (b *Bundle) Fetched() time.Time { return b.fetched }

// Keys returns the usable keys. The slice is the caller's own.
func (b *Bundle) Keys() []*jwk.Key { return b.set.Keys() }

// Lookup answers as jwk.Set.Lookup does, at once. It fails with KeyNotFound or
// KeyMisuse, and with KeysUnavailable when the bundle is older than its maximum
// age, or was fetched in the future.
func (b *Bundle) Lookup(ctx context.Context, kid string, alg jwk.Algorithm) ([]*jwk.Key, error) {
	if b == nil || b.set == nil {
		return nil, errNone
	}
	if err := b.checkAge(b.config.Clock()); err != nil {
		return nil, err
	}
	return b.set.Lookup(ctx, kid, alg)
}

func (b *Bundle) checkAge(now time.Time) error {
	if age := now.Sub(b.fetched); age > b.config.MaxAge {
		return fail(jose.KeysUnavailable, fmt.Sprintf("the bundle is %s old, at most %s are accepted", age, b.config.MaxAge))
	}
	if now.Add(b.config.Leeway).Before(b.fetched) {
		return fail(jose.KeysUnavailable, "the bundle was fetched in the future: one of the clocks is wrong")
	}
	return nil
}

// Generation changes with the end of the bundle's time, so that a verifier that
// remembers answers asks again.
func (b *Bundle) Generation() uint64 {
	if b == nil || b.set == nil || b.checkAge(b.config.Clock()) != nil {
		return 1
	}
	return 0
}

// ExportBundle writes the public keys of a set as a bundle. It fails with
// PolicyInvalid without an issuer or for a time outside the years 1970 to 9999.
func ExportBundle(issuer string, fetched time.Time, set *jwk.Set) ([]byte, error) {
	if issuer == "" || set == nil || fetched.Unix() < 0 || fetched.Unix() > maxSeconds {
		return nil, fail(jose.PolicyInvalid, "a bundle needs an issuer, a time and keys")
	}
	keys, err := set.MarshalJSON()
	if err != nil {
		return nil, err
	}
	name, err := json.Marshal(issuer)
	if err != nil {
		return nil, err
	}
	members := strings.TrimPrefix(string(keys), "{")
	return fmt.Appendf(nil, `{"issuer":%s,"fetched_at":%d,%s`, name, fetched.Unix(), members), nil
}

// Export writes the keys that the Remote has as a bundle, with the time when they
// were fetched: not now, so that passing a bundle on makes nothing younger. issuer
// must be the configured one; a Remote that has an address only takes what it is
// told. It fetches nothing: Refresh does. It fails with PolicyInvalid for another
// issuer, and with KeysUnavailable when there are no keys or they are too old.
func (r *Remote) Export(issuer string) ([]byte, error) {
	if r.none() {
		return nil, errNone
	}
	if r.config.Issuer != "" && issuer != r.config.Issuer {
		return nil, fail(jose.PolicyInvalid, "these are the keys of another issuer")
	}
	s := r.now.Load()
	if !s.usable(r.config.Clock()) {
		return nil, fail(jose.KeysUnavailable, "no usable keys")
	}
	return ExportBundle(issuer, s.fetched, s.set)
}

// Warm gives a Remote that has no keys yet those of a bundle (see Export), so that a
// program which starts while its issuer is away verifies by what it knew. They are
// stale from the first moment: the first use asks the issuer, and without an answer
// they serve until MaxAge and MaxStale have passed since they were fetched. issuer
// is the bundle's, as for Export. Keys that are there already stay. It fails like
// NewBundle, and with KeysUnavailable for a bundle that is too old or from the future.
func (r *Remote) Warm(data []byte, issuer string) error {
	if r.none() {
		return errNone
	}
	if r.config.Issuer != "" && issuer != r.config.Issuer {
		return fail(jose.PolicyInvalid, "these are the keys of another issuer")
	}
	longest := r.config.MaxAge + max(r.config.MaxStale, 0)
	b, err := NewBundle(data, BundleConfig{Issuer: issuer, Algorithms: r.config.Algorithms, MaxAge: longest, MaxKeys: r.config.MaxKeys,
		Extensions: r.config.Extensions, Clock: r.config.Clock})
	if err != nil {
		return err
	}
	if err := b.checkAge(r.config.Clock()); err != nil {
		return err
	}
	// Its digest is nobody's: the first reply is another document, and has verifiers
	// forget what they accepted by these keys.
	r.mu.Lock() // see accept
	defer r.mu.Unlock()
	r.now.CompareAndSwap(nil, &snapshot{set: b.set, generation: 2, fetched: b.fetched, refreshAt: b.fetched, expires: b.fetched, staleUntil: b.fetched.Add(longest)})
	return nil
}
