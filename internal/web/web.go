// Package web is the thin floor between net/http and the handlers: they return
// errors, and this package alone turns an error into a response and a request
// into one log line. Public words come from the list of reasons; the private
// cause goes to the log and nowhere else.
package web

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// MaxBody bounds what a handler may read: 64 KiB.
const MaxBody = 64 << 10

// A HandlerFunc answers a request, or returns why it did not.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// A Style writes a refusal in the words of a protocol.
type Style func(w http.ResponseWriter, r *http.Request, e *reason.Error)

// A Server wraps handlers with what every one of them needs.
type Server struct {
	Log *slog.Logger
	Now func() time.Time
	// HSTS is sent on every answer when the service is reached over https.
	HSTS bool
}

// recorder notes what was written, for the log line.
type recorder struct {
	http.ResponseWriter
	status int
}

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(b []byte) (int, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	return rec.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// Handle returns h as an http.Handler: with a bounded body, security headers, a
// request id and one log line. Neither query nor body is logged: both carry codes.
func (s *Server) Handle(route string, style Style, h HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.Now()
		id := requestID()
		rec := &recorder{ResponseWriter: w}
		header := w.Header()
		header.Set("X-Request-Id", id)
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		if s.HSTS {
			header.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		err := h(rec, r)
		attrs := []any{"route", route, "method", r.Method, "request_id", id}
		if err != nil {
			refusal := asRefusal(err)
			if rec.status == 0 {
				style(rec, r, refusal)
			}
			attrs = append(attrs, "reason", refusal.Code)
			if refusal.Cause != nil {
				attrs = append(attrs, "cause", refusal.Cause.Error())
			}
		}
		s.Log.Info("request", append(attrs, "status", rec.status, "ms", s.Now().Sub(start).Milliseconds())...)
	})
}

func asRefusal(err error) *reason.Error {
	if e, ok := errors.AsType[*reason.Error](err); ok {
		return e
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return reason.New(reason.RequestTooLarge, nil)
	}
	return reason.New(reason.Internal, err)
}

// Problem writes RFC 9457 problem+json.
func Problem(w http.ResponseWriter, _ *http.Request, e *reason.Error) {
	row, _ := reason.Lookup(e.Code)
	w.Header().Set("Content-Type", "application/problem+json")
	if e.Code == reason.AdminUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="jotward admin"`)
	}
	w.WriteHeader(row.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": row.Meaning, "detail": row.Remedy, "status": row.Status,
		"code": e.Code, "request_id": w.Header().Get("X-Request-Id"),
	})
}

// OAuth writes an error of RFC 6749 5.2. A failed client authentication is 401
// with a challenge, everything else that is the caller's fault 400.
func OAuth(w http.ResponseWriter, _ *http.Request, e *reason.Error) {
	row, _ := reason.Lookup(e.Code)
	status := row.Status
	if e.OAuthCode() == "invalid_client" {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Basic realm="jotward"`)
	} else if status == http.StatusUnauthorized || status == http.StatusForbidden {
		status = http.StatusBadRequest
	}
	w.Header().Set("Pragma", "no-cache")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"error": e.OAuthCode(), "error_description": row.Meaning, "code": e.Code,
		"request_id": w.Header().Get("X-Request-Id"),
	})
}

// JSON writes v with a status.
func JSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// ReadJSON reads one bounded JSON value with known members only.
func ReadJSON(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return err
		}
		return reason.New(reason.RequestInvalid, err)
	}
	if dec.More() {
		return reason.New(reason.RequestInvalid, errors.New("data after the JSON value"))
	}
	return nil
}

func requestID() string {
	b := make([]byte, 12)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
