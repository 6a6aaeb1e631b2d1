package jwks

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// reply is a key set that was fetched and accepted.
type reply struct {
	set    *jwk.Set
	digest [sha256.Size]byte
	age    time.Duration // how long it is fresh
}

// get requests one document and returns its body, bounded.
func (r *Remote) get(ctx context.Context, address string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, fail(jose.KeySetInvalid, "no usable address")
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	// Whoever asks wants to know what the issuer says now: for an unknown kid, or
	// after a revocation. What may be remembered is remembered here.
	req.Header.Set("Cache-Control", "no-cache")
	resp, err := r.config.Client.Do(req)
	if err != nil {
		if own, ok := errors.AsType[*jose.Error](err); ok { // CheckRedirect's
			return nil, nil, own
		}
		return nil, nil, jose.NewError(jose.KeysUnavailable, "request to "+hostOf(address)+" failed: "+innermost(err), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, &statusError{resp.StatusCode}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, r.config.MaxBytes+1))
	if err != nil {
		return nil, nil, jose.NewError(jose.KeysUnavailable, "reading the reply of "+hostOf(address)+" failed: "+innermost(err), err)
	}
	if int64(len(body)) > r.config.MaxBytes {
		return nil, nil, fail(jose.KeySetInvalid, fmt.Sprintf("a reply of more than %d bytes", r.config.MaxBytes))
	}
	return body, resp.Header, nil
}

// statusError is a reply with another status than 200. It does not leave the package.
type statusError struct{ status int }

func (e *statusError) Error() string { return "status " + strconv.Itoa(e.status) }

// innermost leaves out the method and address that net/http puts before a cause.
func innermost(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Host
	}
	return ""
}

// fetch brings the set, from its address or by way of discovery.
func (r *Remote) fetch(ctx context.Context) (*reply, error) {
	address, err := r.address(ctx)
	if err != nil {
		return nil, err
	}
	body, header, err := r.get(ctx, address)
	if err != nil {
		r.forget()
		return nil, err
	}
	set, err := r.parse(body)
	if err != nil {
		r.forget()
		return nil, err
	}
	return &reply{set: set, digest: sha256.Sum256(body), age: r.freshness(header)}, nil
}

func (r *Remote) parse(body []byte) (*jwk.Set, error) {
	return parsePublished(body, r.config.Algorithms, r.config.Extensions, r.config.MaxKeys)
}

// parsePublished accepts what an honest issuer publishes: at least one usable
// public key, and no two that answer to the same kid and algorithm. A key that is
// bad, secret or private is left out and named by Health; it neither serves nor
// takes the others with it.
func parsePublished(body []byte, algorithms []jwk.Algorithm, extensions []jwk.Extension, maxKeys int) (*jwk.Set, error) {
	set, err := jwk.ParseSet(body, jwk.Options{Algorithms: algorithms, PublicOnly: true, Extensions: extensions})
	if err != nil {
		return nil, jose.NewError(jose.KeySetInvalid, jose.DetailOf(err), err)
	}
	keys := set.Keys()
	if len(keys)+len(set.Skipped()) > maxKeys {
		return nil, fail(jose.KeySetInvalid, fmt.Sprintf("more than %d keys", maxKeys))
	}
	if len(keys) == 0 {
		return nil, fail(jose.KeySetInvalid, "no usable key in the set")
	}
	return set, nil
}

// address returns where the set is: as configured, or as the issuer's metadata
// said not long ago, or as it says now.
func (r *Remote) address(ctx context.Context) (string, error) {
	if r.config.URL != "" {
		return r.config.URL, nil
	}
	now := r.config.Clock()
	if r.found != "" && now.Sub(r.foundAt) < r.config.MaxAge {
		return r.found, nil
	}
	address, err := r.discover(ctx)
	if err != nil {
		return "", err
	}
	r.found, r.foundAt = address, now
	return address, nil
}

// forget makes the next fetch ask the metadata again: the address may have moved.
func (r *Remote) forget() { r.found = "" }

// discover reads the metadata, at OpenID Connect's address first and then at
// RFC 8414's, and returns its jwks_uri.
func (r *Remote) discover(ctx context.Context) (string, error) {
	openid, oauth := metadataAddresses(r.config.Issuer)
	body, _, err := r.get(ctx, openid)
	if s := (*statusError)(nil); errors.As(err, &s) && s.status == http.StatusNotFound {
		body, _, err = r.get(ctx, oauth)
	}
	if err != nil {
		return "", err
	}
	var d strictjson.Doc
	if err := d.Scan(string(body)); err != nil {
		return "", fail(jose.KeySetInvalid, "metadata: "+err.Error())
	}
	// "The issuer value returned MUST be identical" (RFC 8414 3.3): without this
	// one issuer could speak for another.
	issuer, ok := d.Find("issuer")
	if !ok || issuer.Kind != strictjson.String || issuer.Text() != r.config.Issuer {
		return "", fail(jose.KeySetInvalid, "metadata: issuer is not the configured one")
	}
	uri, ok := d.Find("jwks_uri")
	if !ok || uri.Kind != strictjson.String {
		return "", fail(jose.KeySetInvalid, "metadata: jwks_uri is missing or not a string")
	}
	if _, err := r.config.checkAddress(uri.Text()); err != nil {
		return "", err
	}
	return strings.Clone(uri.Text()), nil
}

// metadataAddresses returns where OpenID Connect Discovery 4 and RFC 8414 3.1
// put the metadata: after the issuer's path, and before it.
func metadataAddresses(issuer string) (openid, oauth string) {
	base := strings.TrimSuffix(issuer, "/")
	openid = base + "/.well-known/openid-configuration"
	if u, err := url.Parse(base); err == nil {
		path := u.EscapedPath()
		oauth = u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + path
	}
	return openid, oauth
}

// freshness reads Cache-Control and Age (RFC 9111 5.1, 5.2.2) within the bounds.
func (r *Remote) freshness(h http.Header) time.Duration {
	age := DefaultAge
	for _, directive := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return r.config.MinAge
		case "max-age":
			if n, ok := seconds(strings.Trim(value, `"`)); ok {
				age = n
			}
		}
	}
	if n, ok := seconds(h.Get("Age")); ok {
		age -= n
	}
	return min(max(age, r.config.MinAge), r.config.MaxAge)
}

// seconds reads delta-seconds; what is too large counts as a year (RFC 9111 1.2.2).
func seconds(s string) (time.Duration, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	const year = 365 * 24 * time.Hour
	if n > uint64(year/time.Second) {
		return year, true
	}
	return time.Duration(n) * time.Second, true
}
