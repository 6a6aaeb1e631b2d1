package grant

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/token"
)

// DeviceCode is the grant type of RFC 8628.
const DeviceCode = "urn:ietf:params:oauth:grant-type:device_code"

// A device's codes live ten minutes, and it asks every five seconds at most.
const (
	DeviceLife     = 10 * time.Minute
	DeviceInterval = 5 * time.Second
)

// The states of a Device.
const (
	DevicePending = "pending"
	DeviceAllowed = "allowed"
	DeviceDenied  = "denied"
	DeviceSpent   = "spent"
)

// Device is a stored device authorization: a device that waits until a person at
// another screen has said what it may do.
type Device struct {
	Hash, UserCodeHash []byte
	ClientID, GrantID  string // GrantID is "" until it is allowed
	Scopes, Audiences  []string
	State              string
	Expires, Polled    time.Time
	Interval           time.Duration
}

// DeviceResponse is what a device gets (RFC 8628 3.2).
type DeviceResponse struct{ DeviceCode, UserCode string }

// StartDevice begins a device authorization (RFC 8628 3.1).
func (s *Service) StartDevice(ctx context.Context, c client.Client, scope string, resources []string) (DeviceResponse, error) {
	if !c.Grants(DeviceCode) {
		return DeviceResponse{}, reason.New(reason.ClientUnauthorized, nil)
	}
	list, err := scopes(scope, c.Scopes)
	if err != nil {
		return DeviceResponse{}, err
	}
	aud, err := audiences(resources, c.Audiences)
	if err != nil {
		return DeviceResponse{}, err
	}
	out := DeviceResponse{DeviceCode: secret.New(""), UserCode: newUserCode()}
	return out, s.Store.SaveDevice(ctx, Device{Hash: secret.Hash(out.DeviceCode), UserCodeHash: userCodeHash(out.UserCode), ClientID: c.ID,
		Scopes: list, Audiences: aud, State: DevicePending, Expires: s.Now().Add(DeviceLife), Interval: DeviceInterval})
}

// A user code has eight of twenty consonants, in which nobody reads a word or takes
// one for another (RFC 8628 6.1): 34 bits for ten minutes. That holds because few
// guesses are let through; its hash in the store holds nothing for long.
const userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"

func newUserCode() string {
	code := make([]byte, 0, 9)
	for b := make([]byte, 1); len(code) < 9; {
		if len(code) == 4 {
			code = append(code, '-')
		}
		if rand.Read(b); b[0] < 240 { // twelve times twenty: no letter is likelier
			code = append(code, userCodeLetters[b[0]%20])
		}
	}
	return string(code)
}

// userCodeHash takes a code as people type it: case, blanks and dashes do not count.
func userCodeHash(text string) []byte {
	return secret.Hash("user code " + strings.Map(func(c rune) rune {
		if c == '-' || c == ' ' {
			return -1
		}
		return c
	}, strings.ToUpper(text)))
}

// FindDevice returns what waits under a user code, and its client; UserCodeInvalid when
// nothing does, whatever the cause.
func (s *Service) FindDevice(ctx context.Context, userCode string) (Device, client.Client, error) {
	if len(userCode) > 64 {
		return Device{}, client.Client{}, reason.New(reason.UserCodeInvalid, nil)
	}
	d, err := s.Store.DeviceByUserCode(ctx, userCodeHash(userCode))
	if err != nil {
		return d, client.Client{}, unknown(err, reason.UserCodeInvalid)
	}
	c, err := s.Store.Client(ctx, d.ClientID)
	if err != nil {
		return d, c, unknown(err, reason.UserCodeInvalid)
	}
	if d.State != DevicePending || !s.Now().Before(d.Expires) || c.Disabled || !c.Grants(DeviceCode) {
		return d, c, reason.New(reason.UserCodeInvalid, nil)
	}
	return d, c, nil
}

// AllowDevice stores the person's grant for the device. It fails with UserCodeInvalid
// when the device has been answered already.
func (s *Service) AllowDevice(ctx context.Context, who audit.Actor, d Device, ses session.Session) error {
	now := s.Now()
	g := Grant{ID: secret.ID("gr_"), Subject: ses.Subject, ClientID: d.ClientID, SessionID: ses.ID, Scopes: d.Scopes, Audiences: d.Audiences,
		AMR: ses.AMR, AuthTime: ses.AuthTime, Created: now, Expires: now.Add(or(s.Absolute, DefaultAbsolute)), Ends: d.Expires}
	return answered(s.Store.AllowDevice(ctx, d.Hash, g, audit.New(now, who, "grant.create", "grant", g.ID, "client_id", g.ClientID, "scope", strings.Join(g.Scopes, " "))))
}

// DenyDevice tells the device that the person declined. It fails as AllowDevice does.
func (s *Service) DenyDevice(ctx context.Context, who audit.Actor, d Device) error {
	return answered(s.Store.DenyDevice(ctx, d.Hash, audit.New(s.Now(), who, "device.deny", "client", d.ClientID)))
}

// answered words that another answer was first.
func answered(err error) error {
	if errors.Is(err, reason.New(reason.Conflict, nil)) {
		return reason.New(reason.UserCodeInvalid, err)
	}
	return err
}

// device answers a device that asks (RFC 8628 3.4, 3.5).
func (s *Service) device(ctx context.Context, r Request) (Response, Result, error) {
	if r.DeviceCode == "" {
		return Response{}, "", reason.New(reason.RequestInvalid, errors.New("grant: device_code is missing"))
	}
	d, err := s.Store.Device(ctx, secret.Hash(r.DeviceCode))
	if err != nil {
		return Response{}, "", unknown(err, reason.CodeInvalid)
	}
	if d.ClientID != r.Client.ID {
		return Response{}, "", reason.New(reason.CodeInvalid, nil)
	}
	switch {
	case d.State == DeviceSpent:
		return Response{}, "", s.codeReused(ctx, r, d.GrantID)
	case !s.Now().Before(d.Expires):
		return Response{}, "", reason.New(reason.DeviceExpired, nil)
	case d.State == DeviceDenied:
		return Response{}, "", reason.New(reason.ConsentDenied, nil)
	case d.State == DevicePending:
		return Response{}, "", s.wait(ctx, d)
	}
	g, err := s.live(ctx, d.GrantID, r.Client, reason.CodeInvalid)
	if err != nil {
		return Response{}, "", err
	}
	return s.give(ctx, r, g, "", func(ends time.Time, bound token.Confirmation, first *Refresh, act audit.Act) (bool, error) {
		return s.Store.SpendDevice(ctx, d.Hash, ends, bound, first, act)
	}, func() error { return s.deviceLost(ctx, r, d) })
}

// deviceLost says why a device could not be spent, as codeLost does of a code.
func (s *Service) deviceLost(ctx context.Context, r Request, d Device) error {
	d, err := s.Store.Device(ctx, d.Hash)
	if err != nil {
		return unknown(err, reason.CodeInvalid)
	}
	if d.State != DeviceSpent { // its grant was revoked meanwhile
		return reason.New(reason.CodeInvalid, nil)
	}
	return s.codeReused(ctx, r, d.GrantID)
}

// wait says that nobody has answered yet. Who asks too soon has to wait five seconds
// longer from then on (RFC 8628 3.5).
func (s *Service) wait(ctx context.Context, d Device) error {
	now, code := s.Now(), reason.DevicePending
	if !d.Polled.IsZero() && now.Sub(d.Polled) < d.Interval {
		code, d.Interval = reason.DeviceSlowDown, d.Interval+DeviceInterval
	}
	if err := s.Store.PollDevice(ctx, d.Hash, now, d.Interval); err != nil {
		return err
	}
	return reason.New(code, nil)
}
