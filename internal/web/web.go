// Package web is the thin floor between net/http and the handlers: they return
// errors, and this package alone turns an error into a response and a request
// into one log line. Public words come from the list of reasons; the private
// cause goes to the log and nowhere else.
package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// MaxBody bounds what a handler may read: 64 KiB.
const MaxBody = 64 << 10

// MaxHeader bounds a request's header fields, its target and their names: 32 KiB.
const MaxHeader = 32 << 10

// HeaderSize is how many bytes a request's target and header fields have.
func HeaderSize(r *http.Request) int {
	n := len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}

// A HandlerFunc answers a request, or returns why it did not.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// A Style writes a refusal in the words of a protocol.
type Style func(w http.ResponseWriter, r *http.Request, e *reason.Error)

// A Server wraps handlers with what every one of them needs.
type Server struct {
	Log   *slog.Logger
	Now   func() time.Time
	Peers Peers
	// Certificates says where those of clients come from.
	Certificates CertificateSource
	// HSTS is sent on every answer when the service is reached over https.
	HSTS bool
	// Observe is told of every request; nil is fine. The route is a pattern of
	// the mount list, so it bounds a label.
	Observe func(Event)
	// Limits are the operator's.
	Limits Limits
	// Refused bounds how often one network is refused by the routes that are Counted.
	Refused *Budget
}

// An Event is the outcome of one request.
type Event struct {
	Route, Method string
	Status        int
	Reason        reason.Code // "" when nothing was refused
	Took          time.Duration
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

// handle returns a route as an http.Handler: with a bounded body, security
// headers, a request id and one log line. Neither query nor body is logged: both
// carry codes.
func (s *Server) handle(route Route) http.Handler {
	if route.Counted {
		route.Handler = s.budgeted(route.Handler)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.Now()
		id := rand.Text()
		rec := &recorder{ResponseWriter: w}
		s.headers(w.Header(), id)
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		who := s.caller(r)
		handler := route.Handler
		if HeaderSize(r) > MaxHeader {
			handler = tooLong
		}
		err := guarded(handler, rec, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
		ev := Event{Route: route.Pattern, Method: r.Method, Took: s.Now().Sub(start)}
		attrs := []any{"route", route.Pattern, "method", r.Method, "request_id", id, "client_addr", who.addr.String()}
		if who.client != "" {
			attrs = append(attrs, "client_id", who.client)
		}
		level := slog.LevelInfo
		if route.Quiet {
			level = slog.LevelDebug
		}
		if err != nil {
			refusal := asRefusal(err)
			if rec.status == 0 {
				RetryAfter(w, refusal)
				route.Style(rec, r, refusal)
			}
			ev.Reason = refusal.Code
			attrs = append(attrs, "reason", refusal.Code)
			if refusal.Cause != nil {
				attrs = append(attrs, "cause", refusal.Cause.Error())
			}
			if level = slog.LevelInfo; refusal.Code == reason.Internal {
				level = slog.LevelError
			}
		}
		if ev.Status = rec.status; ev.Status == 0 {
			ev.Status = http.StatusOK
		}
		s.Log.Log(r.Context(), level, "request", append(attrs, "status", ev.Status, "ms", Millis(ev.Took))...)
		if s.Observe != nil {
			s.Observe(ev)
		}
	})
}

func tooLong(http.ResponseWriter, *http.Request) error {
	return reason.New(reason.HeadersTooLarge, nil)
}

func (s *Server) headers(h http.Header, id string) {
	h.Set("X-Request-Id", id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if s.HSTS {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// guarded turns a panic into a failure with an answer and a log line, instead
// of a connection that breaks.
func guarded(h HandlerFunc, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			err = fmt.Errorf("panic: %v at %s", v, debug.Stack())
		}
	}()
	return h(w, r)
}

// RetryAfter sets the header of RFC 9110 10.2.3 when the refusal knows how long.
func RetryAfter(w http.ResponseWriter, err error) {
	if e, ok := errors.AsType[*reason.Error](err); ok && e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
}

func asRefusal(err error) *reason.Error {
	if e, ok := errors.AsType[*reason.Error](err); ok {
		return e
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return reason.New(reason.RequestTooLarge, nil)
	}
	if errors.Is(err, context.Canceled) { // nobody is there to answer, and nothing failed
		return reason.New(reason.ClientGone, err)
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
	detail := row.Remedy
	if e.Detail != "" {
		detail = e.Detail
	}
	w.WriteHeader(row.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "urn:jotward:reason:" + string(e.Code), "title": row.Meaning, "detail": detail, "status": row.Status,
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

// Millis is how the log says a duration, in issuer and edge alike.
func Millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// JSON writes v with a status.
func JSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// Empty answers with a status alone.
func Empty(w http.ResponseWriter, status int) error {
	w.WriteHeader(status)
	return nil
}

// HTML writes a page with a status.
func HTML(w http.ResponseWriter, status int, page *template.Template, data any) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	return page.Execute(w, data)
}
