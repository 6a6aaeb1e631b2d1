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
	return Key{ID: k.ID, Purpose: k.Purpose, Algorithm: string(k.Algorithm), State: k.State(e.Now()), Created: stored(k.Created), Activates: stored(k.Activates),
		Retires: moment(k.Retires), Gone: moment(k.Gone)}
}

// keys lists a purpose's keys, newest first; NotFound for no purpose of ours.
func (e *Endpoints) keys(r *http.Request) ([]keyring.Key, error) {
	purpose := r.PathValue("purpose")
	known, err := e.Ring.Purposes(r.Context())
	if err != nil {
		return nil, err
	}
	if !slices.Contains(known, purpose) {
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

// Replacement is the body of ReplaceKey. It is optional.
type Replacement struct {
	All bool `json:"all"` // replace every other key of the store as well
}

// ReplacedKey is the key that signs in another's place, and the keys that go on though
// they lay in the same store.
type ReplacedKey struct {
	Key
	Beside []Key `json:"beside"`
}

// ReplaceKey answers POST /admin/v1/keys/{purpose}/{kid}/replace with the key that
// signs from now on.
func (e *Endpoints) ReplaceKey(w http.ResponseWriter, r *http.Request) error {
	var in Replacement
	if r.ContentLength != 0 {
		if err := web.ReadJSON(r, &in); err != nil {
			return err
		}
	}
	got, err := e.Ring.Replace(r.Context(), actor(w), r.PathValue("purpose"), r.PathValue("kid"), in.All)
	if err != nil {
		return err
	}
	out := ReplacedKey{Key: e.showKey(got.Next), Beside: []Key{}}
	for _, k := range got.Beside {
		out.Beside = append(out.Beside, e.showKey(k))
	}
	return web.JSON(w, http.StatusOK, out)
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

// KeyStatus is how the keys of a purpose stand.
type KeyStatus struct {
	Purpose      string          `json:"purpose"`
	Algorithms   []jwk.Algorithm `json:"algorithms"`
	PublishAhead int64           `json:"publish_ahead"` // seconds, as are those that follow
	RotateEvery  int64           `json:"rotate_every"`
	WaitForEdges int64           `json:"wait_for_edges"`
	Manual       bool            `json:"manual"`
	Keys         []KeyStanding   `json:"keys"`
}

// KeyStanding is a key with what is to come of it.
type KeyStanding struct {
	Key
	Signs        bool        `json:"signs"`
	NextRotation *time.Time  `json:"next_rotation,omitempty"`
	Overdue      bool        `json:"overdue"`
	SignsBy      *time.Time  `json:"signs_by,omitempty"`
	Lacking      []string    `json:"lacking"`
	Edges        []KeyHolder `json:"edges"`
}

// KeyHolder is an edge, and whether it has the key.
type KeyHolder struct {
	ClientID string     `json:"client_id"`
	Instance string     `json:"instance"`
	Holds    bool       `json:"holds"`
	Since    *time.Time `json:"since,omitempty"`
	Says     bool       `json:"says"`
	Live     bool       `json:"live"`
	At       time.Time  `json:"reported_at"`
}

// StatusOfKeys answers GET /admin/v1/keys/{purpose}/status: which key signs, which
// comes when, and which edges know it.
func (e *Endpoints) StatusOfKeys(w http.ResponseWriter, r *http.Request) error {
	if _, err := e.keys(r); err != nil {
		return err
	}
	purpose := r.PathValue("purpose")
	report, err := e.Ring.Report(r.Context(), purpose)
	if err != nil {
		return err
	}
	p := e.Ring.Policy()
	out := KeyStatus{Purpose: purpose, Algorithms: e.Ring.AlgorithmsOf(purpose), PublishAhead: int64(p.Ahead / time.Second), RotateEvery: int64(p.Every / time.Second),
		WaitForEdges: int64(p.Wait / time.Second), Manual: p.Manual, Keys: []KeyStanding{}}
	for _, s := range report {
		k := KeyStanding{Key: e.showKey(s.Key), Signs: s.Signs, NextRotation: moment(s.Due), Overdue: s.Overdue, SignsBy: moment(s.Limit), Lacking: some(s.Lacking), Edges: []KeyHolder{}}
		for _, h := range s.Edges {
			k.Edges = append(k.Edges, KeyHolder{h.ClientID, h.Instance, !h.Since.IsZero(), moment(h.Since), h.Says, h.Live, stored(h.At)})
		}
		out.Keys = append(out.Keys, k)
	}
	return web.JSON(w, http.StatusOK, out)
}

// moment is a time that may be none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(stored(t))
}
