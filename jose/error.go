package jose

import "errors"

// An Error is what every refusal of this library is. Reason is for programs,
// Detail for the person who reads the log: lower case, never a token, a key or
// a secret. A cause is wrapped only where a caller may want to branch on it,
// such as a cancelled context beneath KeysUnavailable.
type Error struct {
	Reason Reason
	Detail string

	cause error
}

// NewError builds an Error. cause may be nil.
func NewError(reason Reason, detail string, cause error) *Error {
	return &Error{Reason: reason, Detail: detail, cause: cause}
}

// Error returns the code, and the detail after a colon.
func (e *Error) Error() string {
	if e.Detail == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Detail
}

// Is reports whether target is this error's Reason, or an *Error with the same Reason.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case Reason:
		return e.Reason == t
	case *Error:
		return t != nil && e.Reason == t.Reason
	}
	return false
}

// Unwrap returns the cause, nil for most errors.
func (e *Error) Unwrap() error { return e.cause }

// ReasonOf returns the reason that err carries, or "" when it carries none.
func ReasonOf(err error) Reason {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	if r, ok := errors.AsType[Reason](err); ok {
		return r
	}
	return ""
}

// DetailOf returns the Detail of an *Error, and the whole text of any other error.
func DetailOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Detail
	}
	return err.Error()
}

// Reasoned returns err when it carries a reason, and otherwise an *Error of that
// reason and detail that wraps it. It is for what code of others returns, such as a
// key source, so that every refusal has a reason.
func Reasoned(err error, reason Reason, detail string) error {
	if ReasonOf(err) != "" {
		return err
	}
	return NewError(reason, detail, err)
}
