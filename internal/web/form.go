package web

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/jotward/jotward/internal/reason"
)

// Form reads a bounded application/x-www-form-urlencoded body. A parameter that
// is given twice is refused (RFC 6749 3.2), one without a value counts as absent.
func Form(r *http.Request) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, reason.New(reason.RequestInvalid, errors.New("the body is not application/x-www-form-urlencoded"))
	}
	if r.URL.RawQuery != "" {
		return nil, reason.New(reason.RequestInvalid, errors.New("parameters belong into the body (RFC 6749 3.2)"))
	}
	if err := r.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, err
		}
		return nil, reason.New(reason.RequestInvalid, errors.New("the form cannot be read"))
	}
	return Once(r.PostForm)
}

// Once refuses repeated parameters and drops empty ones. resource alone may be
// repeated (RFC 8707 2).
func Once(form url.Values) (url.Values, error) {
	for name, values := range form {
		if len(values) > 1 && name != "resource" {
			return nil, reason.New(reason.RequestInvalid, errors.New("a parameter is repeated"))
		}
		if strings.Join(values, "") == "" {
			delete(form, name)
		}
	}
	return form, nil
}

// ClientCredentials returns the client's id and secret from HTTP Basic or the
// form, never from both (RFC 6749 2.3.1: one method a request).
func ClientCredentials(r *http.Request, form url.Values) (id, secret string, err error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return "", "", reason.New(reason.ClientInvalid, errors.New("two Authorization headers"))
	}
	id, secret = form.Get("client_id"), form.Get("client_secret")
	header := r.Header.Get("Authorization")
	if header == "" {
		return id, secret, nil
	}
	user, pass, ok := r.BasicAuth()
	if !ok || !strings.HasPrefix(strings.ToLower(header), "basic ") {
		return "", "", reason.New(reason.ClientInvalid, errors.New("the Authorization header is not HTTP Basic"))
	}
	// RFC 6749 2.3.1: both are form-encoded before they are joined.
	user, uerr := url.QueryUnescape(user)
	pass, perr := url.QueryUnescape(pass)
	if uerr != nil || perr != nil || user == "" {
		return "", "", reason.New(reason.ClientInvalid, errors.New("the Basic credentials are malformed"))
	}
	if secret != "" || (id != "" && id != user) {
		return "", "", reason.New(reason.RequestInvalid, errors.New("two client authentications"))
	}
	return user, pass, nil
}
