//go:build unix

package lean

import (
	"net"
	"syscall"
)

// quietCheck returns what tells whether an unused connection is still open and
// its peer has said nothing on it: what it said was no answer to anything, and
// would be read as one to the next request. It waits for nothing.
func quietCheck(nc net.Conn) func() bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return func() bool { return false } // cannot be known
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return func() bool { return false }
	}
	quiet := false
	look := func(fd uintptr) bool {
		var b [1]byte
		n, err := syscall.Read(int(fd), b[:]) // its read end never blocks
		quiet = n <= 0 && (err == syscall.EAGAIN || err == syscall.EWOULDBLOCK)
		return true
	}
	return func() bool { return raw.Read(look) == nil && quiet }
}
