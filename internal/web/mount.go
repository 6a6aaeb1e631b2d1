package web

import (
	"net/http"
	"path"
	"strings"

	"github.com/jotward/jotward/internal/reason"
)

// A Route is one line of a mount list.
type Route struct {
	Pattern string // as net/http.ServeMux reads it
	Style   Style  // how refusals are worded
	Handler HandlerFunc
	Access  Access
	Quiet   bool // asked all the time by machines: logged only when refused
	Counted bool // a refusal costs the caller's network some of Server.Refused
	// Unlimited routes know no limit of an operator's by network.
	Unlimited bool
}

// Access says which pages of other origins may call a route.
type Access int

const (
	// SameOrigin: no page of another origin may post here (RFC 9700 4.16).
	SameOrigin Access = iota
	// AnyForm: nothing here looks at a cookie: pages of any origin may send a
	// person here. No script of theirs may read the answer: the authorization
	// endpoint must not have CORS (RFC 9700 2.6).
	AnyForm
	// AnyOrigin: nor does anything here look at a cookie: scripts of any origin
	// may call and read (RFC 9700 2.6, for applications in browsers).
	AnyOrigin
)

// Mount serves a mount list. What no route fits is refused in the words of its
// place, as a problem where there is none.
func (s *Server) Mount(routes []Route) http.Handler {
	mux := http.NewServeMux()
	styles := map[string]Style{}
	methods := map[string][]string{} // of the places that any origin may call
	for _, r := range routes {
		h := s.handle(r)
		method, place, _ := strings.Cut(r.Pattern, " ")
		styles[place] = r.Style
		switch r.Access {
		case AnyForm:
		case AnyOrigin:
			h = cors(h)
			methods[place] = append(methods[place], method)
		default:
			p := http.NewCrossOriginProtection()
			p.SetDenyHandler(s.handle(Route{Pattern: r.Pattern, Style: r.Style, Handler: foreign}))
			h = p.Handler(h)
		}
		mux.Handle(r.Pattern, h)
	}
	for place, list := range methods {
		mux.Handle("OPTIONS "+place, s.handle(Route{Pattern: "OPTIONS " + place, Style: styles[place], Handler: preflight(strings.Join(list, ", "))}))
	}
	worded := func(w http.ResponseWriter, r *http.Request, e *reason.Error) {
		if style := styles[r.URL.Path]; style != nil { // the place is one, the method is not
			style(w, r, e)
			return
		}
		Problem(w, r, e)
	}
	unknown := s.handle(Route{Style: worded, Handler: func(w http.ResponseWriter, r *http.Request) error {
		return unmatched(mux, w, r)
	}})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux would redirect an unclean path with its method and body; nothing
		// honest is sent to one (RFC 9700 4.12).
		if _, pattern := mux.Handler(r); pattern == "" || path.Clean(r.URL.Path) != strings.TrimSuffix(r.URL.Path, "/") && r.URL.Path != "/" {
			unknown.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// foreign answers a form that a page of another origin sent (RFC 9700 4.16).
func foreign(http.ResponseWriter, *http.Request) error {
	return reason.New(reason.CrossOrigin, nil)
}

// unmatched asks the mux why nothing fits, and says it as everything else is said.
func unmatched(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) error {
	quiet := &status{header: http.Header{}}
	mux.ServeHTTP(quiet, r)
	if quiet.code == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", quiet.header.Get("Allow"))
		return reason.New(reason.MethodNotAllowed, nil)
	}
	return reason.New(reason.NotFound, nil)
}

// status notes the code and header of an answer that nobody gets.
type status struct {
	header http.Header
	code   int
}

func (s *status) Header() http.Header         { return s.header }
func (s *status) WriteHeader(code int)        { s.code = code }
func (s *status) Write(b []byte) (int, error) { return len(b), nil }

func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate, X-Request-Id, Retry-After, DPoP-Nonce")
		next.ServeHTTP(w, r)
	})
}

func preflight(method string) HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) error {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", method)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}
