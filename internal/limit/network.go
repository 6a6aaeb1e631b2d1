package limit

import "net/netip"

// Network is the key of what one customer usually has: /24, or /64 of IPv6. What has
// no address shares one.
func Network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}
