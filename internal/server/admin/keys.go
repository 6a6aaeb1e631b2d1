package admin

import (
	"net/http"
	"slices"
	"time"

	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jwk"
)

// Key is a signing key as the API shows it: its name and its times.
type Key struct {
	ID        string     `json:"kid"`
	Purpose   string     `json:"purpose"`
	Algorithm string     `json:"algorithm"`
	State     string     `json:"state"`
	Created   time.Time  `json:"created"`
	Activates time.Time  `json:"activates"`
	Retires   *time.Time `json:"retires,omitempty"`
	Gone      *time.Time `json:"gone,omitempty"`
}

func (e *Endpoints) showKey(k keyring.Key) Key {
	out := Key{ID: k.ID, Purpose: k.Purpose, Algorithm: string(k.Algorithm), State: k.State(e.Now()), Created: stored(k.Created), Activates: stored(k.Activates)}
	if !k.Retires.IsZero() {
		out.Retires = new(stored(k.Retires))
	}
	if !k.Gone.IsZero() {
		out.Gone = new(stored(k.Gone))
	}
	return out
}

// keys lists a purpose's keys, newest first; NotFound for no purpose of ours.
func (e *Endpoints) keys(r *http.Request) ([]keyring.Key, error) {
	purpose := r.PathValue("purpose")
	if purpose != keyring.PurposeToken && purpose != keyring.PurposeFeed {
		return nil, reason.New(reason.NotFound, nil)
	}
	return e.Ring.List(r.Context(), purpose)
}

// ListKeys answers GET /admin/v1/keys/{purpose}, newest first.
func (e *Endpoints) ListKeys(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := page(r)
	if err != nil {
		return err
	}
	keys, err := e.keys(r)
	if err != nil {
		return err
	}
	if after != "" {
		i := slices.IndexFunc(keys, func(k keyring.Key) bool { return k.ID == after })
		if i < 0 {
			return invalid("after is not a cursor of this list")
		}
		keys = keys[i+1:]
	}
	return writeList(w, keys, limit, e.showKey, func(k keyring.Key) string { return k.ID })
}

// UseOfKeys is the body of what is done to the keys of one algorithm. It is
// optional: the purpose's own is meant then.
type UseOfKeys struct {
	Algorithm jwk.Algorithm `json:"algorithm"`
}

func readUse(r *http.Request) (in UseOfKeys, err error) {
	if r.ContentLength != 0 {
		err = web.ReadJSON(r, &in)
	}
	return in, err
}

// RotateKey answers POST /admin/v1/keys/{purpose}/rotate.
func (e *Endpoints) RotateKey(w http.ResponseWriter, r *http.Request) error {
	in, err := readUse(r)
	if err != nil {
		return err
	}
	who, err := once(w, r, in)
	if err != nil {
		return err
	}
	key, err := e.Ring.Rotate(r.Context(), who, r.PathValue("purpose"), in.Algorithm)
	if id, err := e.repeated(w, r, who, err); err != nil {
		return err
	} else if id != "" {
		keys, err := e.keys(r)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(keys, func(k keyring.Key) bool { return k.ID == id })
		if i < 0 {
			return reason.New(reason.NotFound, nil)
		}
		key = keys[i]
	}
	return web.JSON(w, http.StatusCreated, e.showKey(key))
}

// RetireKey answers POST /admin/v1/keys/{purpose}/{kid}/retire.
func (e *Endpoints) RetireKey(w http.ResponseWriter, r *http.Request) error {
	return done(w, e.Ring.Retire(r.Context(), actor(w), r.PathValue("purpose"), r.PathValue("kid")))
}

// ReplaceKey answers POST /admin/v1/keys/{purpose}/{kid}/replace with the key that
// signs from now on.
func (e *Endpoints) ReplaceKey(w http.ResponseWriter, r *http.Request) error {
	key, err := e.Ring.Replace(r.Context(), actor(w), r.PathValue("purpose"), r.PathValue("kid"))
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, e.showKey(key))
}

// RollBackKey answers POST /admin/v1/keys/{purpose}/rollback with the key that
// signs again.
func (e *Endpoints) RollBackKey(w http.ResponseWriter, r *http.Request) error {
	in, err := readUse(r)
	if err != nil {
		return err
	}
	key, err := e.Ring.Rollback(r.Context(), actor(w), r.PathValue("purpose"), in.Algorithm)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, e.showKey(key))
}
