package reason

import "time"

// Error is a refusal that may cross the wire: a code, and a private cause that
// only logs may show.
type Error struct {
	Code  Code
	Cause error // never sent
	// Detail names what is wrong, such as a member of the body: it is sent, so it
	// holds nothing that came with the request but a name.
	Detail string
	OAuth  string // overrides the table's OAuth error code when set
	// RetryAfter, when set, is how long the caller should wait (RFC 9110 10.2.3).
	RetryAfter time.Duration
}

// New returns a refusal with a private cause, which may be nil.
func New(c Code, cause error) *Error { return &Error{Code: c, Cause: cause} }

// Error names the code and the cause; it is for logs.
func (e *Error) Error() string {
	if e.Cause == nil {
		return string(e.Code)
	}
	return string(e.Code) + ": " + e.Cause.Error()
}

// Unwrap returns the private cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is compares codes, so that errors.Is works with a bare New(code, nil).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// OAuthCode is the OAuth error code of RFC 6749 5.2 to send.
func (e *Error) OAuthCode() string {
	if e.OAuth != "" {
		return e.OAuth
	}
	if row, ok := Lookup(e.Code); ok && row.OAuth != "" {
		return row.OAuth
	}
	return "server_error"
}
