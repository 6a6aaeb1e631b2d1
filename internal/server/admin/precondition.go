package admin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
)

// etag is a strong validator (RFC 9110 8.8.3) of what has an id and a revision.
// The time it was made tells it from another of the same id that came after.
func etag(id string, revision int64, created time.Time) string {
	sum := sha256.Sum256([]byte(id + "\x00" + strconv.FormatInt(revision, 10) + "\x00" + strconv.FormatInt(created.UnixMilli(), 10)))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// lists reports whether a header of entity tags names one, or any.
func lists(r *http.Request, name, tag string) bool {
	for _, part := range strings.Split(strings.Join(r.Header.Values(name), ","), ",") {
		if part = strings.TrimSpace(part); part == "*" || part == tag {
			return true
		}
	}
	return false
}

// write answers a read with its ETag, or 304 when the caller has it already.
func write(w http.ResponseWriter, r *http.Request, tag string, v any) error {
	w.Header().Set("ETag", tag)
	if lists(r, "If-None-Match", tag) {
		return web.Empty(w, http.StatusNotModified)
	}
	return web.JSON(w, http.StatusOK, v)
}

// a revised is something that If-Match can name.
type revised struct {
	id       string
	revision int64
	created  time.Time
}

// expected returns the revision that a change must meet: zero, which is any,
// without If-Match (RFC 9110 13.1.1). load is asked only with it.
func expected(r *http.Request, load func() (revised, error)) (int64, error) {
	if len(r.Header.Values("If-Match")) == 0 {
		return 0, nil
	}
	v, err := load()
	if errors.Is(err, reason.New(reason.NotFound, nil)) || err == nil && !lists(r, "If-Match", etag(v.id, v.revision, v.created)) {
		return 0, reason.New(reason.PreconditionFailed, nil)
	}
	return v.revision, err
}

// met turns the store's Conflict into a failed precondition where one was named:
// somebody was faster between reading and writing.
func met(revision int64, err error) error {
	if revision != 0 && errors.Is(err, reason.New(reason.Conflict, nil)) {
		return reason.New(reason.PreconditionFailed, nil)
	}
	return err
}

const keyHeader = "Idempotency-Key"

// withoutKey refuses a promise that would not be kept.
func withoutKey(h web.HandlerFunc) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if len(r.Header.Values(keyHeader)) > 0 {
			return invalid("Idempotency-Key is not kept for this request: it may be repeated as it is")
		}
		return h(w, r)
	}
}

// once returns the actor of a request that may carry an Idempotency-Key. The key
// and what it stands for are stored as hashes under the key itself: a body may
// hold a password, which the hash alone must not help to guess. So a key has to
// be long, and random.
func once(w http.ResponseWriter, r *http.Request, in any) (audit.Actor, error) {
	who := actor(w)
	values := r.Header.Values(keyHeader)
	if len(values) == 0 {
		return who, nil
	}
	if key := values[0]; len(values) > 1 || len(key) < 16 || len(key) > 255 {
		return who, invalid("Idempotency-Key has 16 to 255 characters, at random, such as a UUID")
	}
	text, err := json.Marshal(in)
	if err != nil {
		return who, err
	}
	who.Once = audit.Once{Key: keyed(values[0], ""), Request: keyed(values[0], r.Method+" "+r.URL.Path+"\n"+string(text))}
	return who, nil
}

func keyed(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("jotward idempotency v1\n" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// repeated returns what the same request made before, and "" with the error when
// err says anything else.
func (e *Endpoints) repeated(w http.ResponseWriter, r *http.Request, who audit.Actor, err error) (string, error) {
	if !errors.Is(err, reason.New(reason.IdempotencyKeyReused, nil)) {
		return "", err
	}
	before, found := e.Log.Done(r.Context(), who.Once.Key)
	if found != nil {
		return "", found
	}
	if before.Request != who.Once.Request {
		return "", err
	}
	w.Header().Set("Idempotency-Replayed", "true")
	return before.TargetID, nil
}
