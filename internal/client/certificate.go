package client

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// The ways in which a client authenticates (token_endpoint_auth_method, RFC 7591 2,
// RFC 8705 2). A secret may come as client_secret_post as well.
const (
	AuthNone       = "none"
	AuthSecret     = "client_secret_basic"
	AuthPrivateKey = "private_key_jwt"
	AuthTLS        = "tls_client_auth"
	AuthSelfSigned = "self_signed_tls_client_auth"
)

// TLSSubject says whose certificate is a client's, for tls_client_auth: one member is
// set (RFC 8705 2.1.2).
type TLSSubject struct {
	DN                 string // as RFC 4514 writes it, such as CN=a,O=Example
	DNS, URI, IP, Mail string // a subject alternative name
}

// members are those that are set.
func (t TLSSubject) members() (n int) {
	for _, v := range []string{t.DN, t.DNS, t.URI, t.IP, t.Mail} {
		if v != "" {
			n++
		}
	}
	return n
}

// of reports whether it is the subject of the certificate.
func (t TLSSubject) of(c *x509.Certificate) bool {
	switch {
	case t.members() != 1:
		return false
	case t.DN != "":
		return t.DN == distinguishedName(c)
	case t.DNS != "":
		return slices.ContainsFunc(c.DNSNames, func(name string) bool { return strings.EqualFold(name, t.DNS) })
	case t.URI != "":
		for _, u := range c.URIs {
			if u.String() == t.URI {
				return true
			}
		}
		return false
	case t.IP != "":
		want, err := netip.ParseAddr(t.IP)
		for _, ip := range c.IPAddresses {
			if got, ok := netip.AddrFromSlice(ip); err == nil && ok && got.Unmap() == want.Unmap() {
				return true
			}
		}
		return false
	}
	return slices.Contains(c.EmailAddresses, t.Mail)
}

// distinguishedName writes the subject as it stands in the certificate, with every
// attribute and in its order: pkix.Name would leave out what it does not know.
func distinguishedName(c *x509.Certificate) string {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(c.RawSubject, &rdns); err != nil || len(rest) > 0 {
		return ""
	}
	return rdns.String()
}

// AuthMethods are those that a client may have here, for the metadata: those with a
// secret or with none, and those for which the issuer sees certificates.
func (s *Service) AuthMethods() []string {
	list := []string{AuthSecret, "client_secret_post", AuthPrivateKey}
	if s.Certificates {
		list = append(list, AuthSelfSigned)
	}
	if s.Certificates && s.Authorities != nil {
		list = append(list, AuthTLS)
	}
	return list
}

// certificateFault is what the issuer could not do for the client.
func (s *Service) certificateFault(c Client) error {
	switch {
	case !s.Certificates && (c.AuthMethod == AuthTLS || c.AuthMethod == AuthSelfSigned || c.TLSBound):
		return errors.New("the issuer sees no client certificates: configure issuer.mtls")
	case s.Authorities == nil && c.AuthMethod == AuthTLS:
		return errors.New("the issuer believes no authority: configure issuer.mtls.authorities, or use self_signed_tls_client_auth")
	}
	return nil
}

// byCertificate checks the certificate that came with the connection (RFC 8705 2):
// one of the client's own keys, or one that an authority of ours gives to its subject.
func (s *Service) byCertificate(c Client, chain []*x509.Certificate) (Client, error) {
	if len(chain) == 0 {
		return Client{}, refusal(c, "no certificate came, by which client "+c.ID+" authenticates")
	}
	leaf, now := chain[0], s.Now()
	if c.AuthMethod == AuthTLS {
		if err := s.verify(chain, now); err != nil {
			return Client{}, refusal(c, "the certificate of client "+c.ID+": "+err.Error())
		}
		if !c.TLSSubject.of(leaf) {
			return Client{}, refusal(c, "a certificate of another subject than client "+c.ID+"'s: "+distinguishedName(leaf))
		}
		return c, nil
	}
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return Client{}, refusal(c, "the certificate of client "+c.ID+" is not valid now")
	}
	set, err := parseKeys(c.JWKS)
	if err != nil {
		return Client{}, err // it was checked when it was saved
	}
	for _, k := range set.Keys() {
		if own := k.Certificates(); len(own) > 0 && own[0].Equal(leaf) {
			return c, nil
		}
	}
	return Client{}, refusal(c, "a certificate that is none of client "+c.ID+"'s")
}

// verify builds a path to an authority of ours (RFC 5280 6).
func (s *Service) verify(chain []*x509.Certificate, now time.Time) error {
	if s.Authorities == nil {
		return errors.New("no authorities are configured")
	}
	o := x509.VerifyOptions{Roots: s.Authorities, Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(o)
	return err
}

// methodFault holds what a client has to how it authenticates.
func (c Client) methodFault() error {
	subject := c.TLSSubject.members()
	needs, has := c.AuthMethod == AuthPrivateKey || c.AuthMethod == AuthSelfSigned, c.JWKS != "" || c.JWKSURI != ""
	switch {
	case c.Public != (c.AuthMethod == AuthNone):
		return errors.New("token_endpoint_auth_method is none for public clients, and for no others")
	case c.JWKSURI != "" && (c.AuthMethod == AuthSelfSigned || c.JWKS != ""):
		return errors.New("jwks_uri is in place of jwks (RFC 7591 2), and not for self_signed_tls_client_auth")
	case needs && !has:
		return errors.New("private_key_jwt and self_signed_tls_client_auth need jwks")
	case has && !needs && c.IDTokenEncryption == "":
		return errors.New("jwks and jwks_uri are for private_key_jwt, self_signed_tls_client_auth and encrypted ID tokens")
	case c.AuthMethod == AuthTLS && subject != 1, c.AuthMethod != AuthTLS && subject != 0:
		return errors.New("tls_client_auth needs exactly one of the tls_client_auth members (RFC 8705 2.1.2), and no other method has any")
	}
	switch c.AuthMethod {
	case AuthNone, AuthSecret:
		return nil
	case AuthPrivateKey:
		if c.JWKSURI != "" {
			return nil // what is there is looked at when it is needed
		}
		set, err := parseKeys(c.JWKS)
		if err == nil && !verifies(set) {
			err = errors.New("jwks has no key that verifies a signature")
		}
		return err
	case AuthTLS:
		return c.TLSSubject.fault()
	case AuthSelfSigned:
		return c.certificatesFault()
	}
	return errors.New("token_endpoint_auth_method is none of none, client_secret_basic, private_key_jwt, tls_client_auth and self_signed_tls_client_auth")
}

func (t TLSSubject) fault() error {
	for _, v := range []string{t.DN, t.DNS, t.URI, t.IP, t.Mail} {
		if len(v) > maxText || strings.ContainsFunc(v, unseen) || strings.Contains(v, "*") {
			return errors.New("the subject of tls_client_auth is too long, or has control characters or a wildcard")
		}
	}
	if _, err := netip.ParseAddr(t.IP); t.IP != "" && err != nil {
		return errors.New("tls_client_auth_san_ip is no address")
	}
	return nil
}

func (c Client) certificatesFault() error {
	set, err := parseKeys(c.JWKS)
	if err != nil {
		return err
	}
	if !verifies(set) {
		return errors.New("jwks has no key of a certificate")
	}
	for _, k := range set.Keys() {
		if k.CanVerify() && len(k.Certificates()) == 0 {
			return errors.New("jwks: self_signed_tls_client_auth needs x5c with every key (RFC 8705 2.2)")
		}
	}
	return nil
}

// method is how a client authenticates that does not say it: by what it has.
func (c Client) method() string {
	switch {
	case c.AuthMethod != "":
		return c.AuthMethod
	case c.Public:
		return AuthNone
	case (c.JWKS != "" || c.JWKSURI != "") && c.IDTokenEncryption == "":
		return AuthPrivateKey
	}
	return AuthSecret
}
