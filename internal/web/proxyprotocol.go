package web

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// ProxyProtocol takes the PROXY protocol, versions 1 and 2, from balancers that
// forward connections without reading them. A connection from a trusted network
// begins with a header, before TLS, or is refused; one from elsewhere has none, and
// if it begins with one that is no HTTP and no TLS. Nobody guesses.
//
// Of a header only the client's address is used. Where the balancer does not know it
// the client has none, which is in no allowed network and in every forbidden one;
// what a balancer says on its own behalf (LOCAL) comes from its own address.
type ProxyProtocol struct {
	Trusted []netip.Prefix
	// Refused is told of every connection of a trusted network that began with
	// something else; optional. One that was only opened, as balancers do to see
	// whether they can, is not meant.
	Refused func(peer net.Addr)
}

// headerWait is how long a header may take: it comes with the connection.
const headerWait = 5 * time.Second

// Listen returns a listener whose connections have the address of the client.
func (p ProxyProtocol) Listen(l net.Listener) net.Listener {
	return proxied{l, p}
}

type proxied struct {
	net.Listener
	protocol ProxyProtocol
}

// Accept implements net.Listener. It does not wait for the header: the one who
// serves the connection does, when it asks for an address or for bytes.
func (p proxied) Accept() (net.Conn, error) {
	c, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil || !(Peers{Trusted: p.protocol.Trusted}).trusts(ap.Addr().Unmap()) {
		return c, nil
	}
	raw := &rawConn{Conn: c}
	return &proxiedConn{raw: raw, Conn: proxyproto.NewConn(raw, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(headerWait),
		proxyproto.ValidateHeader(streams)), refused: p.protocol.Refused}, nil
}

// streams refuses what is no stream: nobody speaks HTTP over it here.
func streams(h *proxyproto.Header) error {
	if h.TransportProtocol.IsDatagram() {
		return errors.New("a header for datagrams")
	}
	return nil
}

type proxiedConn struct {
	*proxyproto.Conn
	raw     *rawConn
	refused func(net.Addr)
	once    sync.Once
}

// RemoteAddr is the client's address.
func (c *proxiedConn) RemoteAddr() net.Addr {
	h := c.ProxyHeader()
	switch {
	case h == nil: // nothing will be read of it
		c.once.Do(func() {
			if c.refused != nil && c.raw.some {
				c.refused(c.raw.RemoteAddr())
			}
		})
		return c.raw.RemoteAddr()
	case h.Command.IsLocal() && h.Version == 1, h.TransportProtocol.IsUnix(): // UNKNOWN, or known by no address
		return unknownAddr{}
	}
	return c.Conn.RemoteAddr()
}

// LocalAddr is this end of the connection, whatever the header says.
func (c *proxiedConn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// CloseWrite lets a server say its last word before the client has.
func (c *proxiedConn) CloseWrite() error {
	if half, ok := c.raw.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// rawConn knows whether anything came.
type rawConn struct {
	net.Conn
	some bool
}

// Read implements net.Conn.
func (c *rawConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.some = c.some || n > 0
	return n, err
}

// unknownAddr is no address.
type unknownAddr struct{}

// Network implements net.Addr.
func (unknownAddr) Network() string { return "tcp" }

// String implements net.Addr.
func (unknownAddr) String() string { return "unknown" }
