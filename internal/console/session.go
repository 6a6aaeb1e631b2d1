package console

import (
	"container/list"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/token"
)

// Bounds of what is kept: a session ends when it was not used for idle, and with the
// access token that it was made of (client.MaxLifetime) in any case.
const (
	idle        = 15 * time.Minute
	maxSessions = 1000
)

// A person is who is signed in. Its zero value is nobody.
type person struct {
	Username string
	access   token.Access // its claims; the token itself is thrown away
	cookie   string
}

// form binds a page's form to the session (RFC 9700 4.16): no other page knows it.
func (p person) Form() string { return derive(p.cookie, "form") }

// derive makes one of several secrets out of one.
func derive(secret, what string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(what))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// sessions are kept by their cookies' hashes. The one that was used longest ago makes
// room for a new one.
type sessions struct {
	now   func() time.Time
	mu    sync.Mutex
	byKey map[string]*list.Element
	order list.List // of *kept, the last used first
}

type kept struct {
	key  string
	who  person // without its cookie
	used time.Time
}

func key(cookie string) string { return string(secret.Hash(cookie)) }

// open keeps a session under a new cookie, which is returned once.
func (s *sessions) open(who person) string {
	cookie := secret.New("")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey == nil {
		s.byKey = map[string]*list.Element{}
	}
	for len(s.byKey) >= maxSessions {
		s.drop(s.order.Back())
	}
	k := key(cookie)
	s.byKey[k] = s.order.PushFront(&kept{key: k, who: who, used: s.now()})
	return cookie
}

// find returns the live session of a cookie, and moves its idle end.
func (s *sessions) find(cookie string) (person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byKey[key(cookie)]
	if e == nil {
		return person{}, false
	}
	k, now := e.Value.(*kept), s.now()
	if now.Sub(k.used) >= idle || now.Unix() >= k.who.access.Expiry {
		s.drop(e)
		return person{}, false
	}
	k.used = now
	s.order.MoveToFront(e)
	who := k.who
	who.cookie = cookie
	return who, true
}

func (s *sessions) close(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.byKey[key(cookie)]; e != nil {
		s.drop(e)
	}
}

func (s *sessions) drop(e *list.Element) { delete(s.byKey, s.order.Remove(e).(*kept).key) }

func (c *Console) cookieName() string { return c.prefix + "jotward-console" }

// person returns who is signed in, or http.ErrNoCookie. A session ends with what it was
// made of: the account's state and roles, its sign-in, its grant, the console itself.
func (c *Console) person(w http.ResponseWriter, r *http.Request) (person, error) {
	cookie, err := r.Cookie(c.cookieName())
	if err != nil {
		return person{}, http.ErrNoCookie
	}
	who, ok := c.sessions.find(cookie.Value)
	if ok {
		ended, err := c.c.Grants.Ended(r.Context(), who.access)
		if err != nil {
			return person{}, err
		}
		ok = ended == ""
	}
	if !ok {
		c.leave(w, cookie.Value)
		return person{}, http.ErrNoCookie
	}
	return who, nil
}

// leave forgets a session here and in the browser.
func (c *Console) leave(w http.ResponseWriter, cookie string) {
	c.sessions.close(cookie)
	c.setCookie(w, c.cookieName(), "", -1)
}

// setCookie sets a cookie for an age in seconds; -1 takes it away, 0 keeps it while the
// browser runs. SameSite is Lax because the way back from the issuer may cross sites.
func (c *Console) setCookie(w http.ResponseWriter, name, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, MaxAge: age, Path: "/", HttpOnly: true, Secure: c.prefix != "", SameSite: http.SameSiteLaxMode})
}
