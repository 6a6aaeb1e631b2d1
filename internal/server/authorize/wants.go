package authorize

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/jose"
)

// wants is what a request says of the person's sign-in and consent
// (OpenID Connect Core 3.1.2.1). Its zero value wants nothing in particular.
type wants struct {
	none     bool // no page may be shown
	signIn   bool // sign in now, whoever is signed in already
	consent  bool // ask, though it was allowed before
	maxAge   time.Duration
	subjects []string  // of whom one must be signed in: by id_token_hint or the claims parameter; nil: anybody
	acr      []string  // essential classes of the sign-in (5.5.1.1), nil for any
	hint     string    // login_hint: who the client thinks the person is
	since    time.Time // a sign-in after it is the one that signIn wants; zero: none is
}

// unsupported are parameters that would change what the others mean: who does
// not read them must say so (OpenID Connect Core 3.1.2.6, RFC 9101 5).
var unsupported = []string{"request", "request_uri", "registration"}

func (e *Endpoints) wants(ctx context.Context, q asked, a grant.Authorization) (wants, error) {
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
	if err := v.prompts(query.Get("prompt")); err != nil {
		return wants{}, err
	}
	if text := query.Get("max_age"); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return wants{}, reason.New(reason.RequestInvalid, errors.New("authorize: max_age is not a number of seconds"))
		}
		v.maxAge = time.Duration(seconds) * time.Second
		v.signIn = v.signIn || seconds == 0
	}
	if a.Claims.EssentialACR {
		// "Treat that outcome as a failed authentication attempt" (5.5.1.1): before
		// anybody signs in for nothing.
		if v.acr = a.Claims.ACR; len(v.acr) > 0 && !slices.Contains(v.acr, session.ACRPassword) {
			return wants{}, reason.New(reason.SignInInsufficient, nil)
		}
	}
	if err := e.whom(ctx, &v, query, a); err != nil {
		return wants{}, err
	}
	return v, nil
}

func (v *wants) prompts(text string) error {
	prompts := strings.Fields(text)
	for _, p := range prompts {
		switch p {
		case "none":
			v.none = true
		case "login", "select_account": // the sign-in page is where another account is chosen
			v.signIn = true
		case "consent":
			v.consent = true
		default:
			return reason.New(reason.RequestInvalid, errors.New("authorize: unknown prompt"))
		}
	}
	if v.none && slices.ContainsFunc(prompts, func(p string) bool { return p != "none" }) {
		return reason.New(reason.RequestInvalid, errors.New("authorize: prompt=none stands alone"))
	}
	return nil
}

// maxHint bounds a login_hint: an address has 320 bytes (RFC 5321 4.5.3.1).
const maxHint = 320

// hintedSubject is what is kept of the id_token_hint of a pushed request: its sub. No browser
// brings it, for it is none of the parameters.
const hintedSubject = "hinted_sub"

// whom reads what says who the person is to be.
func (e *Endpoints) whom(ctx context.Context, v *wants, query url.Values, a grant.Authorization) error {
	v.subjects = a.Claims.Subjects
	if hint := query.Get("id_token_hint"); hint != "" {
		id, err := e.Grants.Minter.OwnID(ctx, hint)
		if err != nil && jose.ReasonOf(err) == "" {
			return err // the store's fault, not the hint's
		}
		if err != nil || id.Audience != query.Get("client_id") || v.subjects != nil && !slices.Contains(v.subjects, id.Subject) {
			return reason.New(reason.RequestInvalid, errors.New("authorize: the id_token_hint is not one of this client's ID tokens, or is of another person than claims demands"))
		}
		v.subjects = []string{id.Subject}
	} else if sub := query.Get(hintedSubject); sub != "" {
		v.subjects = []string{sub}
	}
	if v.hint = query.Get("login_hint"); len(v.hint) > maxHint || strings.ContainsFunc(v.hint, unicode.IsControl) {
		return reason.New(reason.RequestInvalid, errors.New("authorize: login_hint is longer than any name or address, or has control characters"))
	}
	return nil
}

// fresh tells a sign-in that was made for a pushed request.
func (v wants) fresh(s session.Session) bool { return !v.since.IsZero() && s.AuthTime.After(v.since) }

// accepts reports whether a session is the sign-in that is wanted. One that was made for
// the request stays it while the person reads the consent page, however short max_age is.
func (v wants) accepts(s session.Session, now time.Time) bool {
	return (!v.signIn || v.fresh(s)) && (v.maxAge == 0 || v.fresh(s) || now.Sub(s.AuthTime) <= v.maxAge) &&
		(v.subjects == nil || slices.Contains(v.subjects, s.Subject)) && (v.acr == nil || slices.Contains(v.acr, session.ACR(s.AMR)))
}

// accepted returns the browser's session, and whether it is the sign-in that is wanted. A
// login_hint that does not name its person asks who it is to be, once: the person may
// know better than the client.
func (e *Endpoints) accepted(r *http.Request, v wants) (ses session.Session, cookie string, ok bool, err error) {
	ses, cookie, err = e.session(r)
	if err != nil && signedOut(err) {
		return ses, cookie, false, nil
	}
	if err != nil || !v.accepts(ses, e.Grants.Now()) {
		return ses, cookie, false, err
	}
	if v.hint == "" || v.fresh(ses) {
		return ses, cookie, true, nil
	}
	person, err := e.Accounts.Get(r.Context(), ses.Subject)
	return ses, cookie, err == nil && named(person, v.hint), err
}

// named reports whether a hint names the person: by name, address or sub.
func named(a account.Account, hint string) bool {
	key, err := account.UsernameKey(hint)
	return err == nil && key == a.UsernameKey || a.Email != "" && strings.EqualFold(hint, a.Email) || hint == a.ID
}

// signedInNow is the request that goes on after a sign-in: what it wanted of
// one has happened, and auth_time tells the client when. Of a pushed request nothing
// can be taken away: there the time of the sign-in says so (wants.since).
func (q asked) signedInNow() url.Values {
	query := q.carried
	delete(query, "max_age")
	delete(query, "login_hint")
	left := slices.DeleteFunc(strings.Fields(query.Get("prompt")), func(p string) bool { return p == "login" || p == "select_account" })
	if delete(query, "prompt"); len(left) > 0 {
		query.Set("prompt", strings.Join(left, " "))
	}
	return query
}
