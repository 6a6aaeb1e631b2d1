package authorize

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/jose"
)

// wants is what a request says of the person's sign-in and consent
// (OpenID Connect Core 3.1.2.1). Its zero value wants nothing in particular.
type wants struct {
	none    bool // no page may be shown
	signIn  bool // sign in now, whoever is signed in already
	consent bool // ask, though it was allowed before
	maxAge  time.Duration
	subject string    // of the id_token_hint
	since   time.Time // a sign-in after it is the one that signIn wants; zero: none is
}

// unsupported are parameters that would change what the others mean: who does
// not read them must say so (OpenID Connect Core 3.1.2.6, RFC 9101 5).
var unsupported = []string{"request", "request_uri", "registration"}

func (e *Endpoints) wants(ctx context.Context, q asked) (wants, error) {
	query := q.query
	for _, name := range unsupported {
		if query.Get(name) != "" {
			return wants{}, &reason.Error{Code: reason.RequestInvalid, OAuth: name + "_not_supported"}
		}
	}
	if mode := query.Get("response_mode"); mode != "" && mode != "query" && !(mode == formPost && postable(query.Get("redirect_uri"))) {
		return wants{}, reason.New(reason.RequestInvalid, errors.New("authorize: response_mode is neither query nor form_post, or nothing can be posted to the redirect_uri"))
	}
	v := wants{since: q.pushedAt}
	prompts := strings.Fields(query.Get("prompt"))
	for _, p := range prompts {
		switch p {
		case "none":
			v.none = true
		case "login", "select_account": // the sign-in page is where another account is chosen
			v.signIn = true
		case "consent":
			v.consent = true
		default:
			return wants{}, reason.New(reason.RequestInvalid, errors.New("authorize: unknown prompt"))
		}
	}
	if v.none && slices.ContainsFunc(prompts, func(p string) bool { return p != "none" }) {
		return wants{}, reason.New(reason.RequestInvalid, errors.New("authorize: prompt=none stands alone"))
	}
	if text := query.Get("max_age"); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return wants{}, reason.New(reason.RequestInvalid, errors.New("authorize: max_age is not a number of seconds"))
		}
		v.maxAge = time.Duration(seconds) * time.Second
		v.signIn = v.signIn || seconds == 0
	}
	if hint := query.Get("id_token_hint"); hint != "" {
		id, err := e.Grants.Minter.OwnID(ctx, hint)
		if err != nil && jose.ReasonOf(err) == "" {
			return wants{}, err // the store's fault, not the hint's
		}
		if v.subject = id.Subject; err != nil || id.Audience != query.Get("client_id") {
			return wants{}, reason.New(reason.RequestInvalid, errors.New("authorize: the id_token_hint is not one of this client's ID tokens"))
		}
	}
	return v, nil
}

// accepts reports whether a session is the sign-in that is wanted. One that was made for
// the request stays it while the person reads the consent page, however short max_age is.
func (v wants) accepts(s session.Session, now time.Time) bool {
	fresh := !v.since.IsZero() && s.AuthTime.After(v.since)
	return (!v.signIn || fresh) && (v.maxAge == 0 || fresh || now.Sub(s.AuthTime) <= v.maxAge) && (v.subject == "" || v.subject == s.Subject)
}

// signedInNow is the request that goes on after a sign-in: what it wanted of
// one has happened, and auth_time tells the client when. Of a pushed request nothing
// can be taken away: there the time of the sign-in says so (wants.since).
func (q asked) signedInNow() url.Values {
	query := q.carried
	delete(query, "max_age")
	left := slices.DeleteFunc(strings.Fields(query.Get("prompt")), func(p string) bool { return p == "login" || p == "select_account" })
	if delete(query, "prompt"); len(left) > 0 {
		query.Set("prompt", strings.Join(left, " "))
	}
	return query
}
