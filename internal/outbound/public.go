package outbound

import (
	"net/netip"
	"slices"
)

// special are networks inside of unicast space that are not the public Internet (RFC
// 6890 and the registries that it began), that lead into IPv4 by another way, or that
// clouds answer their own machines at.
var special = prefixes(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // carriers' NAT (RFC 6598); metadata at 100.100.100.200
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // Azure's own
	"169.254.0.0/16",   // link-local; metadata at 169.254.169.254
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments; metadata at 192.0.0.192
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, and broadcast
	"2001::/23",        // protocol assignments, Teredo (RFC 4380) among them
	"2001:db8::/32",    // documentation
	"2002::/16",        // 6to4 (RFC 3056)
	"3fff::/20",        // documentation
)

// global is where IPv6 has its public addresses. Loopback, unspecified, link-local,
// unique local, multicast, IPv4-compatible and NAT64 (64:ff9b::/96, 64:ff9b:1::/48) are outside.
var global = netip.MustParsePrefix("2000::/3")

// public reports whether an address, unmapped, is of the public Internet.
func public(ip netip.Addr) bool {
	if !ip.IsValid() || ip.Is6() && !global.Contains(ip) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(ip) })
}

func prefixes(list ...string) (out []netip.Prefix) {
	for _, text := range list {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}
