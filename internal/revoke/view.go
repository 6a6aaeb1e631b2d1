package revoke

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// Faults of Apply, Replace and Beat. After any of them the follower asks for a snapshot.
var (
	ErrGap   = errors.New("revoke: entries are missing")
	ErrLog   = errors.New("revoke: another log")
	ErrBack  = errors.New("revoke: the sequence went back")
	ErrParts = errors.New("revoke: the parts are not one snapshot")
)

// A Subject is what one token says about itself.
type Subject struct {
	KeyID, TokenID, GrantID, SessionID string
	Subject                            string
	SubjectVersion                     int64
	ClientID                           string
	ClientVersion                      int64
	IssuedAt                           time.Time
}

// A View is what one issuer has revoked, in memory. Check takes no lock, and
// its cost does not grow with the number of entries. The zero value is an empty
// view that has heard nothing yet.
type View struct {
	current atomic.Pointer[tables]
	epoch   atomic.Uint64
	heard   atomic.Int64 // unix nanoseconds of the last signed message; 0: none
	write   sync.Mutex   // held by Apply, Replace, Beat and Forget only
}

// tables are one log's entries. The maps are keyed by identifier, a claim,
// never by the raw text of a token.
type tables struct {
	log    string
	seq    atomic.Uint64
	size   atomic.Int64
	byKind [6]sync.Map // string -> *mark
}

// mark is what is known of one identifier. It is immutable. Times are Unix
// seconds, as on the wire: a view may hold millions.
type mark struct {
	version int64
	before  int64 // 0: no bound
	expires int64
}

var refusals = [6]reason.Code{reason.KeyRevoked, reason.TokenRevoked, reason.GrantRevoked, reason.SessionRevoked, reason.SubjectRevoked, reason.ClientRevoked}

func index(k Kind) int {
	switch k {
	case KindKey:
		return 0
	case KindToken:
		return 1
	case KindGrant:
		return 2
	case KindSession:
		return 3
	case KindSubject:
		return 4
	case KindClient:
		return 5
	}
	return -1
}

// Check reports whether a token is revoked, and by what: the key, then what is
// narrowest. An identifier that the token does not have is not revoked; whether
// it may be absent is for the caller.
func (v *View) Check(s *Subject) (reason.Code, bool) {
	t := v.current.Load()
	if t == nil {
		return "", false
	}
	for i, id := range [4]string{s.KeyID, s.TokenID, s.GrantID, s.SessionID} {
		if id == "" {
			continue
		}
		if _, ok := t.byKind[i].Load(id); ok {
			return refusals[i], true
		}
	}
	if t.older(4, s.Subject, s.SubjectVersion, s.IssuedAt) {
		return refusals[4], true
	}
	if t.older(5, s.ClientID, s.ClientVersion, s.IssuedAt) {
		return refusals[5], true
	}
	// A client's own token that another got in exchange (RFC 8693) is about that client: what
	// takes its tokens back takes this one. No person has a client's id (RFC 9700 4.15).
	if s.Subject != s.ClientID && t.older(5, s.Subject, s.SubjectVersion, s.IssuedAt) {
		return refusals[5], true
	}
	return "", false
}

// older compares versions where there are any: seconds tie and clocks differ,
// so "issued before" is for tokens of foreign issuers alone.
func (t *tables) older(i int, id string, version int64, issued time.Time) bool {
	if id == "" {
		return false
	}
	m, ok := t.byKind[i].Load(id)
	if !ok {
		return false
	}
	k := m.(*mark)
	return version < k.version || k.before != 0 && issued.Before(time.Unix(k.before, 0))
}

// put merges an entry with what is known of its identifier: never back.
func (t *tables) put(e *Entry) {
	m := mark{version: e.Version, expires: e.Expires.Unix()}
	if !e.Before.IsZero() {
		m.before = e.Before.Unix()
	}
	if i := index(e.Kind); i >= 0 {
		t.merge(i, e.ID, m)
	}
}

func (t *tables) merge(i int, id string, m mark) {
	if old, ok := t.byKind[i].Load(id); ok {
		o := old.(*mark)
		m.version, m.before, m.expires = max(m.version, o.version), max(m.before, o.before), max(m.expires, o.expires)
	} else {
		t.size.Add(1)
	}
	t.byKind[i].Store(id, &m)
}

// keep merges what another view still knows and no one may forget yet.
func (t *tables) keep(old *tables, now int64) {
	for i := range old.byKind {
		old.byKind[i].Range(func(id, m any) bool {
			if k := m.(*mark); k.expires >= now {
				t.merge(i, id.(string), *k)
			}
			return true
		})
	}
}

// Apply adds a batch that begins at or before the view's number and reaches
// beyond it. A batch that is known already changes nothing. It fails with
// ErrLog and ErrGap.
func (v *View) Apply(b *Batch) error {
	v.write.Lock()
	defer v.write.Unlock()
	t := v.current.Load()
	if t == nil || t.log != b.Log {
		return ErrLog
	}
	seq := t.seq.Load()
	if b.After > seq || b.Seq-b.After != uint64(len(b.Entries)) {
		return ErrGap
	}
	if b.Seq <= seq {
		return nil
	}
	for i := range b.Entries {
		if b.Entries[i].Seq > seq {
			t.put(&b.Entries[i])
		}
	}
	t.seq.Store(b.Seq)
	// Last: who sees the old epoch may have missed the entries, and will see
	// another epoch the next time.
	v.epoch.Add(1)
	return nil
}

// Replace puts a whole snapshot, all its parts in order, in place of the view.
// It fails with ErrParts for anything else, and with ErrBack for an older state
// of the same log, or for another log's that was signed before the last message
// heard: a replayed snapshot must not move the view back.
//
// Entries of the old view that have not expired are kept, whatever the snapshot
// says: an issuer restored from a backup begins a new log that lacks its last
// revocations, and forgetting one is worse than keeping it.
func (v *View) Replace(parts []Snapshot, signed, now time.Time) error {
	if len(parts) == 0 || len(parts) != parts[0].Parts {
		return ErrParts
	}
	next := &tables{log: parts[0].Log}
	for i := range parts {
		p := &parts[i]
		if p.Log != parts[0].Log || p.Seq != parts[0].Seq || p.Part != i+1 || p.Parts != len(parts) {
			return ErrParts
		}
		for j := range p.Entries {
			next.put(&p.Entries[j])
		}
	}
	next.seq.Store(parts[0].Seq)
	v.write.Lock()
	defer v.write.Unlock()
	if t := v.current.Load(); t != nil {
		// iat has whole seconds (RFC 8417 2.2), a heartbeat's time has not.
		if t.log == next.log && t.seq.Load() > parts[0].Seq || t.log != next.log && signed.Unix() < v.Heard().Unix() {
			return ErrBack
		}
		next.keep(t, now.Unix())
	}
	v.current.Store(next)
	// Last: who sees the new epoch sees the new entries.
	v.epoch.Add(1)
	return nil
}

// Beat compares a heartbeat with the view. It fails with ErrLog, ErrGap and ErrBack.
func (v *View) Beat(h *Heartbeat) error {
	t := v.current.Load()
	switch {
	case t == nil || t.log != h.Log:
		return ErrLog
	case h.Seq > t.seq.Load():
		return ErrGap
	case h.Seq < t.seq.Load():
		return ErrBack
	}
	return nil
}

// Hear notes the time that a verified message was signed, never one from the
// future. It moves forward only, but for a clock that was set back.
func (v *View) Hear(signed, now time.Time) {
	if signed.After(now) {
		signed = now
	}
	v.write.Lock()
	defer v.write.Unlock()
	if n, last := signed.UnixNano(), v.heard.Load(); n > last || last > now.UnixNano() {
		v.heard.Store(n)
	}
}

// Heard is the time of the last signed message, zero when there was none.
func (v *View) Heard() time.Time {
	n := v.heard.Load()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}

// Stale reports whether the last signed message is older than bound, or there
// was none. One that lies as far ahead was heard before the clock was set back:
// how old it is nobody knows.
func (v *View) Stale(now time.Time, bound time.Duration) bool {
	n := v.heard.Load()
	age := now.UnixNano() - n
	return n == 0 || v.current.Load() == nil || age > int64(bound) || age < -int64(bound)
}

// Epoch changes whenever Check could answer differently.
func (v *View) Epoch() uint64 { return v.epoch.Load() }

// Position is the log and the number of the last entry in the view.
func (v *View) Position() (log string, seq uint64) {
	t := v.current.Load()
	if t == nil {
		return "", 0
	}
	return t.log, t.seq.Load()
}

// Size is the number of identifiers in the view.
func (v *View) Size() int64 {
	if t := v.current.Load(); t != nil {
		return t.size.Load()
	}
	return 0
}

// Forget drops the entries that no living token can match any more.
func (v *View) Forget(now time.Time) {
	v.write.Lock()
	defer v.write.Unlock()
	t := v.current.Load()
	if t == nil {
		return
	}
	for i := range t.byKind {
		t.byKind[i].Range(func(id, m any) bool {
			if m.(*mark).expires < now.Unix() {
				t.byKind[i].Delete(id)
				t.size.Add(-1)
			}
			return true
		})
	}
}
