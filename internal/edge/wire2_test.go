package edge

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/jotward/jotward/internal/config"
)

// startTLS serves a world's edge as the product does: TLS, with HTTP/2.
func (w *world) startTLS() string {
	s := httptest.NewUnstartedServer(w.edge)
	settings := NewServer(w.edge)
	s.Config.ReadHeaderTimeout, s.Config.MaxHeaderBytes = settings.ReadHeaderTimeout, settings.MaxHeaderBytes
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Listener = narrow{s.Listener}
	s.EnableHTTP2 = true
	s.StartTLS()
	w.t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// narrow gives connections a small buffer, as dialHTTP2 does: a client that does not read
// soon fills both.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		_ = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return c, err
}

// A wireClient sends frames as it is told to, valid or not.
type wireClient struct {
	t testing.TB
	net.Conn
	*http2.Framer
	fields map[string]string // what {name} stands for
	block  bytes.Buffer
	hpack  *hpack.Encoder
	write  sync.Mutex
	failed error // the other side hung up
}

func (w *world) dialHTTP2(address string) *wireClient {
	w.t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		w.t.Fatal(err)
	}
	_ = c.NetConn().(*net.TCPConn).SetReadBuffer(4 << 10)
	_ = c.SetDeadline(time.Now().Add(30 * time.Second)) // a hang is a failure, not a wait
	auth := "authorization=Bearer " + w.a.token(nil)
	h := &wireClient{t: w.t, Conn: c, Framer: http2.NewFramer(c, c), fields: map[string]string{
		"{auth}": auth,
		"{get}":  ":method=GET; :scheme=https; :authority=e; :path=/api/x; " + auth,
		"{post}": ":method=POST; :scheme=https; :authority=e; :path=/api/x; " + auth,
		"{long}": strings.Repeat("a", 8<<10),
	}}
	h.Framer.AllowIllegalWrites = true
	h.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.hpack = hpack.NewEncoder(&h.block)
	_, _ = io.WriteString(c, http2.ClientPreface)
	h.send(http2.FrameSettings, 0, 0, nil)
	return h
}

// send writes a frame.
func (h *wireClient) send(kind http2.FrameType, flags http2.Flags, stream uint32, payload []byte) {
	h.write.Lock() // hear acknowledges
	defer h.write.Unlock()
	h.failed = h.WriteRawFrame(kind, flags, stream, payload)
}

// pack encodes fields that are written as name=value, parted by semicolons.
func (h *wireClient) pack(text string) []byte {
	h.block.Reset()
	for name, value := range h.fields {
		text = strings.ReplaceAll(text, name, value)
	}
	for field := range strings.SplitSeq(text, "; ") {
		name, value, _ := strings.Cut(field, "=")
		_ = h.hpack.WriteField(hpack.HeaderField{Name: name, Value: value})
	}
	return h.block.Bytes()
}

// step is one line of a case: KIND STREAM [end] [open]: what.
func (h *wireClient) step(line string) {
	h.t.Helper()
	head, what, _ := strings.Cut(line, ":")
	what = strings.TrimPrefix(what, " ")
	words := strings.Fields(head)
	number := func(i int) uint32 {
		n, err := strconv.ParseUint(words[i], 0, 32)
		if err != nil {
			h.t.Fatal(line, err)
		}
		return uint32(n)
	}
	flags := http2.FlagHeadersEndHeaders
	for _, word := range words[2:] {
		switch word {
		case "end":
			flags |= http2.FlagHeadersEndStream
		case "open":
			flags &^= http2.FlagHeadersEndHeaders
		}
	}
	switch words[0] {
	case "headers":
		h.send(http2.FrameHeaders, flags, number(1), h.pack(unquoted(h.t, what)))
	case "continuation":
		h.send(http2.FrameContinuation, flags, number(1), h.pack(unquoted(h.t, what)))
	case "data":
		h.send(http2.FrameData, flags&^http2.FlagHeadersEndHeaders, number(1), []byte(unquoted(h.t, what)))
	case "frame": // TYPE FLAGS STREAM
		h.send(http2.FrameType(number(1)), http2.Flags(number(2)), number(3), []byte(unquoted(h.t, what)))
	default:
		h.t.Fatal("no step: ", line)
	}
}

// hear reads until it is said what became of a stream.
func (h *wireClient) hear(stream uint32) string {
	status, body := 0, []byte(nil)
	for {
		f, err := h.ReadFrame()
		if err != nil {
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				return "nothing"
			}
			return "closed"
		}
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			return "connection " + f.ErrCode.String()
		case *http2.SettingsFrame:
			if !f.IsAck() {
				h.send(http2.FrameSettings, http2.FlagSettingsAck, 0, nil)
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == stream { // also in the middle of an answer
				return "stream " + f.ErrCode.String()
			}
		case *http2.MetaHeadersFrame:
			if f.StreamID == stream {
				status, _ = strconv.Atoi(f.PseudoValue("status"))
			}
			if f.StreamID == stream && f.StreamEnded() {
				return cameOf(status, body)
			}
		case *http2.DataFrame:
			if f.StreamID == stream {
				body = append(body, f.Data()...)
			}
			if f.StreamID == stream && f.StreamEnded() {
				return cameOf(status, body)
			}
		}
	}
}

// TestWireHTTP2 sends each case on a connection of its own, and a clean request when
// that is still there. "want" says what became of the stream (1, or what watch says), or
// of the connection; where both answers are allowed, either.
func TestWireHTTP2(t *testing.T) {
	t.Parallel()
	origin := newWireOrigin(t)
	w := build(t, func(_ *world, c *config.Edge) { c.Routes[0].Upstream = "http://" + origin.Addr().String() })
	address := w.startTLS()
	for _, c := range wireCases(t, "http2.txt") {
		h := w.dialHTTP2(address)
		for _, step := range c.steps {
			h.step(step)
		}
		watched := uint32(1)
		if c.watch != "" {
			n, _ := strconv.Atoi(c.watch)
			watched = uint32(n)
		}
		got := h.hear(watched)
		if got != "closed" && got != "nothing" && !strings.HasPrefix(got, "connection") {
			h.step("headers 101 end: {get}")
			got += ", then " + h.hear(101)
		}
		_ = h.Close()
		found := false
		for want := range strings.SplitSeq(c.want, " | ") {
			found = found || want == got
		}
		if !found {
			t.Errorf("%s (%s): %s, want %s", c.name, c.rfc, got, c.want)
		}
		origin.judge(t, c, strings.Count(" "+got, " ok"))
		for len(w.events) > 0 {
			<-w.events
		}
	}
}
