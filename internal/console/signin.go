package console

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwt"
)

// signInLife is how long a person may take to sign in: the password was given in that time.
const signInLife = 10 * time.Minute

// signInCookie holds the one secret of a sign-in under way, of which state, nonce and
// code_verifier are made: nothing is kept here for strangers, and an answer fits the
// browser that asked alone.
func (c *Console) signInCookie() string { return c.prefix + "jotward-console-signin" }

// SignIn answers POST /console/signin. The issuer asks for the password whoever is signed
// in there already: an operator's pages are not left open by another application.
func (c *Console) SignIn(w http.ResponseWriter, r *http.Request) error {
	if r.Host != c.host {
		http.Redirect(w, r, c.c.URL+"/console", http.StatusSeeOther)
		return nil
	}
	s := secret.New("")
	c.setCookie(w, c.signInCookie(), s, int(signInLife.Seconds()))
	sum := sha256.Sum256([]byte(derive(s, "verifier")))
	http.Redirect(w, r, c.c.Issuer+"/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {ClientID}, "redirect_uri": {c.callback()}, "scope": {"openid profile"}, "prompt": {"login"},
		"state": {derive(s, "state")}, "nonce": {derive(s, "nonce")},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode(), http.StatusSeeOther)
	return nil
}

// Callback answers GET /console/callback: an answer of the issuer (iss, RFC 9207) to what
// this browser asked (state), once.
func (c *Console) Callback(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err == nil {
		query, err = web.Once(query)
	}
	if err != nil {
		return reason.New(reason.RequestInvalid, errors.New("console: the answer cannot be read"))
	}
	cookie, err := r.Cookie(c.signInCookie())
	if err != nil || !hmac.Equal([]byte(query.Get("state")), []byte(derive(cookie.Value, "state"))) || query.Get("iss") != c.c.Issuer {
		return &reason.Error{Code: reason.RequestInvalid, Detail: "the answer does not fit a sign-in that this browser began in the last ten minutes: begin anew"}
	}
	c.setCookie(w, c.signInCookie(), "", -1)
	if query.Get("code") == "" {
		return c.notSignedIn(w, reason.New(reason.ConsentDenied, errors.New("console: the issuer sent no code")), http.StatusBadRequest, "The issuer did not sign you in.")
	}
	who, err := c.redeem(r.Context(), w.Header().Get("X-Request-Id"), query.Get("code"), cookie.Value)
	if err != nil {
		return err
	}
	if !slices.Contains(who.access.Roles, Role) {
		return c.notSignedIn(w, reason.New(reason.RoleMissing, nil), http.StatusForbidden, "The console is for people with the role "+Role+".")
	}
	if old, err := r.Cookie(c.cookieName()); err == nil {
		c.sessions.close(old.Value)
	}
	// A new cookie at every sign-in: one that was planted beforehand gains nothing.
	c.setCookie(w, c.cookieName(), c.sessions.open(who), 0)
	http.Redirect(w, r, "/console", http.StatusSeeOther)
	return nil
}

func (c *Console) notSignedIn(w http.ResponseWriter, err error, status int, alert string) error {
	return errors.Join(err, c.show(w, status, view{Alert: alert}))
}

// redeem spends the code as the client that the console is, and takes the ID token for who
// signed in only when it answers this request. No token is kept.
func (c *Console) redeem(ctx context.Context, requestID, code, s string) (person, error) {
	self, err := c.c.Clients.Get(ctx, ClientID)
	if err != nil {
		return person{}, err
	}
	out, err := c.c.Grants.Run(ctx, grant.Request{Client: self, GrantType: "authorization_code", Code: code, RedirectURI: c.callback(),
		CodeVerifier: derive(s, "verifier"), RequestID: requestID})
	if err != nil {
		return person{}, err
	}
	set, err := c.c.Grants.Minter.Ring.Set(ctx, keyring.PurposeToken)
	if err != nil {
		return person{}, err
	}
	algorithms, err := c.c.Grants.Minter.Ring.Algorithms(ctx)
	if err != nil {
		return person{}, err
	}
	v, err := jwt.NewIDTokenVerifier[token.ID](set, jwt.IDTokenPolicy{Issuer: c.c.Issuer, ClientID: ClientID,
		Algorithms: algorithms, MaxLifetime: self.Lifetime(), Clock: c.c.Now})
	if err != nil {
		return person{}, err
	}
	id, err := v.Verify(ctx, out.IDToken, jwt.IDTokenRequest{Nonce: derive(s, "nonce"), AccessToken: out.AccessToken, MaxAge: signInLife})
	if err != nil {
		return person{}, reason.New(reason.Code(jose.ReasonOf(err)), err)
	}
	access, err := c.c.Grants.Alive(ctx, out.AccessToken)
	return person{Username: id.Claims.Username, access: access}, err
}

// SignOut answers POST /console/signout. What the person signed in to elsewhere stays.
func (c *Console) SignOut(w http.ResponseWriter, r *http.Request, who person) error {
	if _, err := c.form(w, r, who); err != nil {
		return err
	}
	c.leave(w, who.cookie)
	http.Redirect(w, r, "/console", http.StatusSeeOther)
	return nil
}
