package revoke

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/jotward/jotward/internal/reason"
)

// What every message of the feed carries (RFC 8417 2.2, 2.3).
const (
	Type          = "secevent+jwt"
	Audience      = "jotward:edge"
	TypeSnapshot  = "urn:jotward:revocation:snapshot"
	TypeBatch     = "urn:jotward:revocation:batch"
	TypeHeartbeat = "urn:jotward:revocation:heartbeat"
)

// Bounds on what a message may hold.
const (
	MaxEntries = 10000
	MaxParts   = 10000
	maxID      = 512
	maxSeconds = 253402300799 // the last second of the year 9999: no time beyond it overflows
)

// A Snapshot is one part of everything that is revoked at Seq.
type Snapshot struct {
	Log         string
	Seq         uint64
	Part, Parts int // Part counts from 1
	Entries     []Entry
}

// A Batch holds the entries After+1 to Seq, without a gap.
type Batch struct {
	Log        string
	After, Seq uint64
	Entries    []Entry
}

// A Heartbeat says that nothing happened after Seq until At.
type Heartbeat struct {
	Log string
	Seq uint64
	At  time.Time
}

// A Message is the claims of one security event token with exactly one event.
type Message struct {
	Issuer    string
	ID        string
	IssuedAt  time.Time
	Snapshot  *Snapshot
	Batch     *Batch
	Heartbeat *Heartbeat
}

// ErrWire is beneath every error of Encode and Decode.
var ErrWire = errors.New("revoke: malformed message")

type wireEntry struct {
	Seq     uint64 `json:"seq"`
	Kind    Kind   `json:"kind"`
	ID      string `json:"id"`
	Version int64  `json:"version,omitempty"`
	Before  int64  `json:"before,omitempty"`
	Expires int64  `json:"expires"`
	At      int64  `json:"at"`
	Reason  string `json:"reason"`
}

type wireSnapshot struct {
	Log     string      `json:"log"`
	Seq     uint64      `json:"seq"`
	Part    int         `json:"part"`
	Parts   int         `json:"parts"`
	Entries []wireEntry `json:"entries"`
}

type wireBatch struct {
	Log     string      `json:"log"`
	After   uint64      `json:"after"`
	Seq     uint64      `json:"seq"`
	Entries []wireEntry `json:"entries"`
}

type wireHeartbeat struct {
	Log string `json:"log"`
	Seq uint64 `json:"seq"`
	At  int64  `json:"at"`
}

type wireMessage struct {
	Issuer   string         `json:"iss"`
	IssuedAt int64          `json:"iat"`
	ID       string         `json:"jti"`
	Audience string         `json:"aud"`
	Events   map[string]any `json:"events"`
}

// Encode returns the claims to be signed. It fails when Decode would refuse them.
func (m Message) Encode() ([]byte, error) {
	w := wireMessage{Issuer: m.Issuer, IssuedAt: m.IssuedAt.Unix(), ID: m.ID, Audience: Audience, Events: map[string]any{}}
	if s := m.Snapshot; s != nil {
		w.Events[TypeSnapshot] = wireSnapshot{s.Log, s.Seq, s.Part, s.Parts, toWire(s.Entries)}
	}
	if b := m.Batch; b != nil {
		w.Events[TypeBatch] = wireBatch{b.Log, b.After, b.Seq, toWire(b.Entries)}
	}
	if h := m.Heartbeat; h != nil {
		w.Events[TypeHeartbeat] = wireHeartbeat{h.Log, h.Seq, h.At.UnixMilli()}
	}
	data, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	if _, err := Decode(data); err != nil {
		return nil, err
	}
	return data, nil
}

func toWire(entries []Entry) []wireEntry {
	out := make([]wireEntry, 0, len(entries))
	for _, e := range entries {
		w := wireEntry{e.Seq, e.Kind, e.ID, e.Version, 0, e.Expires.Unix(), e.At.UnixMilli(), string(e.Reason)}
		if !e.Before.IsZero() {
			w.Before = e.Before.Unix()
		}
		out = append(out, w)
	}
	return out
}

// Decode reads claims strictly: exact names, once each, none unknown, one
// event, entries in order and without a gap. A message that two readers could
// take for two different ones is refused.
func Decode(data []byte) (Message, error) {
	m, err := decode(data)
	if err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrWire, err)
	}
	return m, nil
}

func decode(data []byte) (m Message, err error) {
	if !utf8.Valid(data) {
		return m, errors.New("invalid utf-8")
	}
	o, err := object(data, []string{"iss", "iat", "jti", "aud", "events"}, nil)
	if err != nil {
		return m, err
	}
	var aud string
	var iat int64
	if err := errors.Join(into(o["iss"], &m.Issuer), into(o["jti"], &m.ID), into(o["aud"], &aud), into(o["iat"], &iat)); err != nil {
		return m, err
	}
	if m.Issuer == "" || m.ID == "" || aud != Audience || iat <= 0 || iat > maxSeconds {
		return m, errors.New("iss, jti, aud or iat is wrong")
	}
	m.IssuedAt = time.Unix(iat, 0)
	events, err := object(o["events"], nil, []string{TypeSnapshot, TypeBatch, TypeHeartbeat})
	if err != nil {
		return m, err
	}
	if len(events) != 1 {
		return m, errors.New("not exactly one event")
	}
	for name, raw := range events {
		switch name {
		case TypeSnapshot:
			m.Snapshot, err = decodeSnapshot(raw)
		case TypeBatch:
			m.Batch, err = decodeBatch(raw)
		default:
			m.Heartbeat, err = decodeHeartbeat(raw)
		}
	}
	return m, err
}

func decodeSnapshot(raw []byte) (*Snapshot, error) {
	o, err := object(raw, []string{"log", "seq", "part", "parts", "entries"}, nil)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{}
	if err := errors.Join(into(o["log"], &s.Log), into(o["seq"], &s.Seq), into(o["part"], &s.Part), into(o["parts"], &s.Parts)); err != nil {
		return nil, err
	}
	if s.Log == "" || s.Part < 1 || s.Parts > MaxParts || s.Part > s.Parts {
		return nil, errors.New("log or part is wrong")
	}
	if s.Entries, err = decodeEntries(o["entries"]); err != nil {
		return nil, err
	}
	last := uint64(0)
	for _, e := range s.Entries {
		if e.Seq <= last || e.Seq > s.Seq {
			return nil, errors.New("entries out of order")
		}
		last = e.Seq
	}
	return s, nil
}

func decodeBatch(raw []byte) (*Batch, error) {
	o, err := object(raw, []string{"log", "after", "seq", "entries"}, nil)
	if err != nil {
		return nil, err
	}
	b := &Batch{}
	if err := errors.Join(into(o["log"], &b.Log), into(o["after"], &b.After), into(o["seq"], &b.Seq)); err != nil {
		return nil, err
	}
	if b.Entries, err = decodeEntries(o["entries"]); err != nil {
		return nil, err
	}
	if b.Log == "" || b.Seq < b.After || b.Seq-b.After != uint64(len(b.Entries)) || len(b.Entries) == 0 {
		return nil, errors.New("entries do not fill the range")
	}
	for i, e := range b.Entries {
		if e.Seq != b.After+uint64(i)+1 {
			return nil, errors.New("a gap between entries")
		}
	}
	return b, nil
}

func decodeHeartbeat(raw []byte) (*Heartbeat, error) {
	o, err := object(raw, []string{"log", "seq", "at"}, nil)
	if err != nil {
		return nil, err
	}
	h, at := &Heartbeat{}, int64(0)
	if err := errors.Join(into(o["log"], &h.Log), into(o["seq"], &h.Seq), into(o["at"], &at)); err != nil {
		return nil, err
	}
	if h.Log == "" || at <= 0 || at/1000 > maxSeconds {
		return nil, errors.New("log or at is wrong")
	}
	h.At = time.UnixMilli(at)
	return h, nil
}

func decodeEntries(raw []byte) ([]Entry, error) {
	var list []json.RawMessage
	if err := into(raw, &list); err != nil {
		return nil, err
	}
	if len(list) > MaxEntries {
		return nil, errors.New("too many entries")
	}
	out := make([]Entry, 0, len(list))
	for _, one := range list {
		e, err := decodeEntry(one)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

var kinds = []Kind{KindToken, KindGrant, KindSession, KindSubject, KindClient, KindKey}

func decodeEntry(raw []byte) (e Entry, err error) {
	o, err := object(raw, []string{"seq", "kind", "id", "expires", "at", "reason"}, []string{"version", "before"})
	if err != nil {
		return e, err
	}
	var w wireEntry
	err = errors.Join(into(o["seq"], &w.Seq), into(o["kind"], &w.Kind), into(o["id"], &w.ID),
		into(o["expires"], &w.Expires), into(o["at"], &w.At), into(o["reason"], &w.Reason))
	for name, to := range map[string]*int64{"version": &w.Version, "before": &w.Before} {
		if raw, ok := o[name]; ok {
			err = errors.Join(err, into(raw, to))
		}
	}
	if err != nil {
		return e, err
	}
	versioned := w.Kind == KindSubject || w.Kind == KindClient
	switch {
	case w.Seq == 0, !slices.Contains(kinds, w.Kind), w.ID == "", len(w.ID) > maxID, len(w.Reason) > maxID:
		return e, errors.New("seq, kind, id or reason is wrong")
	case w.Version < 0, w.Before < 0, w.Before > maxSeconds, w.Expires <= 0, w.Expires > maxSeconds, w.At <= 0, w.At/1000 > maxSeconds:
		return e, errors.New("a number out of range")
	case versioned != (w.Version != 0 || w.Before != 0):
		return e, errors.New("version or before where the kind has none, or neither")
	}
	e = Entry{Seq: w.Seq, Kind: w.Kind, ID: w.ID, Version: w.Version, Expires: time.Unix(w.Expires, 0),
		At: time.UnixMilli(w.At), Reason: reason.Code(w.Reason)}
	if w.Before != 0 {
		e.Before = time.Unix(w.Before, 0)
	}
	return e, nil
}

// object reads one object whose names are all in required or optional.
func object(data []byte, required, optional []string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not an object")
	}
	out := make(map[string]json.RawMessage, len(required))
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		if _, twice := out[name]; twice || !slices.Contains(required, name) && !slices.Contains(optional, name) {
			return nil, errors.New("a member twice or unknown")
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		out[name] = raw
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("data after the value")
	}
	for _, name := range required {
		if _, ok := out[name]; !ok {
			return nil, errors.New(name + " is missing")
		}
	}
	return out, nil
}

// into decodes a value that may not be null: encoding/json leaves the target
// untouched for null, which would read as zero.
func into(raw json.RawMessage, to any) error {
	if string(bytes.TrimSpace(raw)) == "null" {
		return errors.New("null where a value belongs")
	}
	return json.Unmarshal(raw, to)
}
