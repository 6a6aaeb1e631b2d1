package authorize

import (
	"crypto/hmac"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/web"
)

// UserCodeRate bounds how many user codes one person may try that nothing waits under
// (RFC 8628 5.1): five, then one a minute.
var UserCodeRate = limit.Rate{Every: time.Minute, Burst: 5}

// StartDevice answers POST /device_authorization (RFC 8628 3.1).
func (e *Endpoints) StartDevice(w http.ResponseWriter, r *http.Request) error {
	form, c, err := e.caller(r)
	if err != nil {
		return err
	}
	out, err := e.Grants.StartDevice(r.Context(), c, form.Get("scope"), form["resource"])
	if err != nil {
		return err
	}
	at := e.Issuer + "/device"
	return web.JSON(w, http.StatusOK, deviceAuthorization{out.DeviceCode, out.UserCode, at, at + "?user_code=" + out.UserCode,
		int64(grant.DeviceLife.Seconds()), int64(grant.DeviceInterval.Seconds())})
}

// deviceAuthorization is RFC 8628 3.2.
type deviceAuthorization struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"` // seconds
	Interval                int64  `json:"interval"`   // seconds
}

// Device answers GET /device: the person types the code that the device shows, and sees
// who asks for what (RFC 8628 3.3). What is allowed here is never remembered: the next
// device may be somebody else's (5.4).
func (e *Endpoints) Device(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return reason.New(reason.RequestInvalid, errors.New("the query cannot be read"))
	}
	if query, err = web.Once(query); err != nil {
		return err
	}
	code := query.Get("user_code")
	ses, cookie, err := e.session(r)
	if err != nil && !signedOut(err) {
		return err
	}
	if err != nil {
		return showDeviceSignIn(w, http.StatusOK, code, "", "")
	}
	if code == "" {
		return show(w, http.StatusOK, "", view{Title: "Connect a device", Device: true})
	}
	d, c, err := e.findDevice(r, ses, code)
	if err != nil {
		return e.notFound(w, err)
	}
	person, err := e.Accounts.Get(r.Context(), ses.Subject)
	if err != nil {
		return err
	}
	carried := url.Values{"user_code": {code}}
	return show(w, http.StatusOK, "", view{Title: "Connect a device", Connect: true, Registered: c.Registered, Client: clientName(c), Username: person.Username, Scopes: scopeSentences(d.Scopes),
		UserCode: code, Request: carried.Encode(), Token: pageToken(cookie, "device", carried)})
}

// findDevice counts the attempt, and takes it back where something waits.
func (e *Endpoints) findDevice(r *http.Request, ses session.Session, code string) (grant.Device, client.Client, error) {
	now := e.Grants.Now()
	if wait, ok := e.UserCodes.Take(now, ses.Subject); !ok {
		return grant.Device{}, client.Client{}, &reason.Error{Code: reason.RateLimited, RetryAfter: wait}
	}
	d, c, err := e.Grants.FindDevice(r.Context(), code)
	if !errors.Is(err, reason.New(reason.UserCodeInvalid, nil)) {
		e.UserCodes.Return(now, ses.Subject)
	}
	return d, c, err
}

// notFound shows the form again, where it was the code that was wrong.
func (e *Endpoints) notFound(w http.ResponseWriter, err error) error {
	status, alert := http.StatusBadRequest, "No device waits under this code. Compare it with what the device shows."
	switch {
	case errors.Is(err, reason.New(reason.RateLimited, nil)):
		status, alert = http.StatusTooManyRequests, "Too many codes were tried. Wait a minute, then try again."
	case !errors.Is(err, reason.New(reason.UserCodeInvalid, nil)):
		return err
	}
	web.RetryAfter(w, err)
	return errors.Join(err, show(w, status, "", view{Title: "Connect a device", Device: true, Alert: alert}))
}

// DeviceSignIn answers POST /device/signin.
func (e *Endpoints) DeviceSignIn(w http.ResponseWriter, r *http.Request) error {
	form, code, err := devicePosted(r)
	if err != nil {
		return err
	}
	if err := e.signIn(w, r, form); err != nil {
		return notSignedIn(w, err, func(status int, alert string) error {
			return showDeviceSignIn(w, status, code, form.Get("username"), alert)
		})
	}
	http.Redirect(w, r, "/device?"+url.Values{"user_code": {code}}.Encode(), http.StatusSeeOther)
	return nil
}

// DeviceAnswer answers POST /device: what the person said.
func (e *Endpoints) DeviceAnswer(w http.ResponseWriter, r *http.Request) error {
	form, code, err := devicePosted(r)
	if err != nil {
		return err
	}
	ses, cookie, err := e.session(r)
	if err != nil && !signedOut(err) {
		return err
	}
	if err != nil {
		return showDeviceSignIn(w, http.StatusOK, code, "", "")
	}
	if !hmac.Equal([]byte(form.Get("consent_token")), []byte(pageToken(cookie, "device", url.Values{"user_code": {code}}))) {
		return reason.New(reason.RequestInvalid, errors.New("the page belongs to another session or device"))
	}
	d, _, err := e.findDevice(r, ses, code)
	if err != nil {
		return e.notFound(w, err)
	}
	if form.Get("decision") != "allow" {
		if err := e.Grants.DenyDevice(r.Context(), actor(w, ses.Subject), d); err != nil {
			return e.notFound(w, err)
		}
		return show(w, http.StatusOK, "", view{Title: "The device was declined"})
	}
	if err := e.Grants.AllowDevice(r.Context(), actor(w, ses.Subject), d, ses); err != nil {
		return e.notFound(w, err)
	}
	return show(w, http.StatusOK, "", view{Title: "The device is connected"})
}

// devicePosted reads a form of a device's pages, and the code that it carries.
func devicePosted(r *http.Request) (form url.Values, code string, err error) {
	if form, err = web.Form(r); err != nil {
		return nil, "", err
	}
	carried, err := url.ParseQuery(form.Get("request"))
	if err != nil {
		return nil, "", reason.New(reason.RequestInvalid, errors.New("the page's request cannot be read"))
	}
	return form, carried.Get("user_code"), nil
}

func showDeviceSignIn(w http.ResponseWriter, status int, code, username, alert string) error {
	return show(w, status, "", view{Title: "Sign in", SignIn: true, Purpose: "to connect a device", Action: "/device/signin", Username: username, Alert: alert, Request: url.Values{"user_code": {code}}.Encode()})
}
