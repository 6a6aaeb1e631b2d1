package web

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
)

// Form reads a bounded application/x-www-form-urlencoded body. A parameter that
// is given twice is refused (RFC 6749 3.2), one without a value counts as absent.
func Form(r *http.Request) (url.Values, error) {
	if !media(r, "application/x-www-form-urlencoded") {
		return nil, reason.New(reason.RequestInvalid, errors.New("the body is not application/x-www-form-urlencoded in UTF-8"))
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

// media reports whether the body says once, and without a second reading, that
// it is of a kind: in UTF-8 (RFC 6749 B), and not compressed.
func media(r *http.Request, want string) bool {
	values := r.Header.Values("Content-Type")
	if len(values) != 1 || len(r.Header.Values("Content-Encoding")) > 0 {
		return false
	}
	kind, params, err := mime.ParseMediaType(values[0])
	charset, given := params["charset"]
	return err == nil && kind == want && (!given || strings.EqualFold(charset, "utf-8"))
}

// Once refuses repeated parameters and text that is not UTF-8, and drops empty
// ones. resource (RFC 8707 2) and audience (RFC 8693 2.1) alone may be repeated.
func Once(form url.Values) (url.Values, error) {
	for name, values := range form {
		if len(values) > 1 && name != "resource" && name != "audience" {
			return nil, reason.New(reason.RequestInvalid, errors.New("a parameter is repeated"))
		}
		text := strings.Join(values, "")
		if !utf8.ValidString(name) || !utf8.ValidString(text) {
			return nil, reason.New(reason.RequestInvalid, errors.New("a parameter is not UTF-8"))
		}
		if text == "" {
			delete(form, name)
		}
	}
	return form, nil
}

// ClientCredentials returns the client's id and secret from HTTP Basic or the
// form, or its assertion (RFC 7521 4.2), never two of them (RFC 6749 2.3: one method
// a request).
func ClientCredentials(r *http.Request, form url.Values) (c client.Credentials, err error) {
	defer func() { c.Certificates = Certificates(r.Context()) }()
	none := client.Credentials{}
	if len(r.Header.Values("Authorization")) > 1 {
		return none, reason.New(reason.ClientInvalid, errors.New("two Authorization headers"))
	}
	c = client.Credentials{ID: form.Get("client_id"), Secret: form.Get("client_secret"), Assertion: form.Get("client_assertion")}
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		switch {
		case c.Secret != "" || r.Header.Get("Authorization") != "":
			return none, reason.New(reason.RequestInvalid, errors.New("two client authentications"))
		case c.Assertion == "" || form.Get("client_assertion_type") != assertionType:
			return none, reason.New(reason.ClientInvalid, errors.New("client_assertion and its type do not make a JWT assertion (RFC 7523 2.2)"))
		}
		return c, nil
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return c, nil
	}
	user, pass, ok := r.BasicAuth()
	if !ok || !strings.HasPrefix(strings.ToLower(header), "basic ") {
		return none, reason.New(reason.ClientInvalid, errors.New("the Authorization header is not HTTP Basic"))
	}
	// RFC 6749 2.3.1: both are form-encoded before they are joined.
	user, uerr := url.QueryUnescape(user)
	pass, perr := url.QueryUnescape(pass)
	if uerr != nil || perr != nil || user == "" {
		return none, reason.New(reason.ClientInvalid, errors.New("the Basic credentials are malformed"))
	}
	if c.Secret != "" || (c.ID != "" && c.ID != user) {
		return none, reason.New(reason.RequestInvalid, errors.New("two client authentications"))
	}
	return client.Credentials{ID: user, Secret: pass}, nil
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
