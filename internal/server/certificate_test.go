package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// A party has a certificate and its key.
type party struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certify makes a certificate: by that authority, or by itself.
func (v *world) certify(by *party, change func(*x509.Certificate)) *party {
	v.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	v.ok(err)
	t := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: v.now().Add(-time.Hour), NotAfter: v.now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	change(t)
	signer, parent := key, t
	if by != nil {
		signer, parent = by.key, by.cert
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	v.ok(err)
	cert, err := x509.ParseCertificate(der)
	v.ok(err)
	return &party{cert, key}
}

func (v *world) authority() *party {
	return v.certify(nil, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.Subject.CommonName = true, true, x509.KeyUsageCertSign, "Authority"
	})
}

// shown sends a request over a connection that was asked for a certificate.
func (p *party) shown(r *http.Request) {
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{p.cert}}
}

func (p *party) thumbprint() string { return web.Thumbprint(p.cert.Raw) }

// set is a JWK Set of its key with the certificate beside it (RFC 7517 4.7).
func (v *world) set(list ...*party) json.RawMessage {
	v.Helper()
	var keys []*jwk.Key
	for i, p := range list {
		k, err := jwk.New(&p.key.PublicKey, jwk.ES256, string(rune('a'+i)))
		v.ok(err)
		k, err = k.WithCertificates(p.cert)
		v.ok(err)
		keys = append(keys, k)
	}
	set, err := jwk.NewSet(keys...)
	v.ok(err)
	text, err := json.Marshal(set)
	v.ok(err)
	return text
}

// certified is a world whose issuer sees certificates, and an authority it believes.
func certified(t *testing.T, from web.CertificateSource) (*world, *party) {
	t.Helper()
	v := newWorld(t)
	ca := v.authority()
	v.clients.Certificates, v.clients.Authorities = true, x509.NewCertPool()
	v.clients.Authorities.AddCert(ca.cert)
	v.issuer.Web.Certificates = from
	if doc := v.want(v.ask("GET", "/.well-known/oauth-authorization-server"), 200, ""); strings.Contains(doc.body, "tls_client") {
		t.Errorf("certificates are promised that nobody looks at: %s", doc.body)
	}
	v.issuer.Metadata.AuthMethods, v.issuer.Metadata.Certificates, v.issuer.Metadata.Alias = v.clients.AuthMethods(), true, "https://mtls.example"
	return v, ca
}

func (v *world) tlsClient(id string, settings map[string]any) {
	v.Helper()
	in := map[string]any{"client_id": id, "grant_types": []string{"client_credentials"}, "scopes": []string{"read"}, "audiences": []string{"api"}}
	for name, value := range settings {
		in[name] = value
	}
	v.want(v.admin("POST", "/admin/v1/clients", in), 201, "")
}

func own(id string) url.Values { return pairs("grant_type", "client_credentials", "client_id", id) }

func x5t(claims map[string]any) string {
	cnf, _ := claims["cnf"].(map[string]any)
	text, _ := cnf["x5t#S256"].(string)
	return text
}

// RFC 8705 2.1: a client is known by the subject of a certificate that an authority of
// ours gave it, by each of the names that it may be registered with.
func TestTLSClientAuth(t *testing.T) {
	t.Parallel()
	v, ca := certified(t, web.FromConnection)
	uri, _ := url.Parse("spiffe://example/billing")
	names := func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "billing", Organization: []string{"Example, Inc."}, Country: []string{"CH"}}
		c.DNSNames, c.URIs, c.IPAddresses, c.EmailAddresses = []string{"billing.example"}, []*url.URL{uri}, []net.IP{net.ParseIP("10.1.2.3")}, []string{"billing@example.com"}
	}
	good, self := v.certify(ca, names), v.certify(nil, names)
	strange := v.certify(v.authority(), names)
	other := v.certify(ca, func(c *x509.Certificate) { c.Subject.CommonName = "other" })
	server := v.certify(ca, func(c *x509.Certificate) { names(c); c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	old := v.certify(ca, func(c *x509.Certificate) { names(c); c.NotAfter = v.now().Add(-time.Minute) })
	for name, value := range map[string]string{"subject_dn": `CN=billing,O=Example\, Inc.,C=CH`, "san_dns": "Billing.example", "san_uri": "spiffe://example/billing",
		"san_ip": "10.1.2.3", "san_email": "billing@example.com"} {
		id := "tls-" + strings.ReplaceAll(name, "_", "-")
		v.tlsClient(id, map[string]any{"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_" + name: value})
		a := v.want(v.token(own(id), good.shown), 200, "")
		if got := x5t(v.claims(a.text("access_token"))); got != "" {
			t.Errorf("%s: a token that nobody asked to bind is bound to %s", name, got)
		}
		for why, p := range map[string]*party{"another subject": other, "itself": self, "another authority": strange, "a server's": server, "expired": old} {
			if a := v.token(own(id), p.shown); a.status != 401 || a.text("error") != "invalid_client" {
				t.Errorf("%s, %s: %d %s", name, why, a.status, a.body)
			}
		}
		v.want(v.token(own(id)), 401, "client_invalid")
		v.want(v.token(own(id), basic(id, "x"), good.shown), 401, "client_invalid")
	}
}

// An attribute that the reader does not know is not left out of a subject.
func TestThreatSubjectWithMore(t *testing.T) {
	t.Parallel()
	v, ca := certified(t, web.FromConnection)
	v.tlsClient("plain", map[string]any{"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=plain"})
	v.want(v.token(own("plain"), v.certify(ca, func(c *x509.Certificate) { c.Subject.CommonName = "plain" }).shown), 200, "")
	for _, subject := range []pkix.Name{
		{CommonName: "plain", ExtraNames: []pkix.AttributeTypeAndValue{{Type: []int{1, 2, 3, 4}, Value: "tenant 2"}}},
		{CommonName: "plain", OrganizationalUnit: []string{"guests"}},
		{CommonName: "plain,O=x"}, {CommonName: "Plain"}, {},
	} {
		p := v.certify(ca, func(c *x509.Certificate) { c.Subject = subject })
		v.want(v.token(own("plain"), p.shown), 401, "client_invalid")
	}
}

// RFC 8705 2.2: a certificate that the client made itself is known by itself.
func TestSelfSignedTLSClientAuth(t *testing.T) {
	t.Parallel()
	v, ca := certified(t, web.FromConnection)
	mine, next, stranger := v.certify(nil, func(*x509.Certificate) {}), v.certify(nil, func(*x509.Certificate) {}), v.certify(ca, func(*x509.Certificate) {})
	v.tlsClient("self", map[string]any{"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": v.set(mine, next)})
	v.want(v.token(own("self"), mine.shown), 200, "")
	v.want(v.token(own("self"), next.shown), 200, "")
	v.want(v.token(own("self"), stranger.shown), 401, "client_invalid")
	// The same key in another certificate is another certificate.
	der, err := x509.CreateCertificate(rand.Reader, mine.cert, mine.cert, &mine.key.PublicKey, mine.key)
	v.ok(err)
	again, err := x509.ParseCertificate(der)
	v.ok(err)
	v.want(v.token(own("self"), (&party{again, mine.key}).shown), 401, "client_invalid")
	// Its key makes no assertions: one method a client.
	key, err := jwk.New(mine.key, jwk.ES256, "a")
	v.ok(err)
	now := v.now().Unix()
	v.want(v.token(asserted(v.assertion(key, "", map[string]any{"iss": "self", "sub": "self", "aud": issuerURL, "jti": "1", "iat": now, "exp": now + 60})), mine.shown), 401, "client_invalid")
	v.want(v.admin("POST", "/admin/v1/clients/self/disable", nil), 204, "")
	v.want(v.token(own("self"), mine.shown), 401, "client_invalid")
	v.want(v.ask("POST", "/introspect", form(pairs("token", "x", "client_id", "self")), mine.shown), 401, "client_invalid")
	v.want(v.admin("POST", "/admin/v1/clients/self/enable", nil), 204, "")
	v.want(v.token(own("self"), mine.shown), 200, "")
	v.pass(25 * time.Hour)
	v.want(v.token(own("self"), mine.shown), 401, "client_invalid")
}

// RFC 8705 3, 4: tokens name the certificate that they were got with, and the refresh
// tokens of a public client are of no use without it.
func TestCertificateBoundTokens(t *testing.T) {
	t.Parallel()
	v, ca := certified(t, web.FromConnection)
	mine, thief := v.certify(nil, func(*x509.Certificate) {}), v.certify(ca, func(*x509.Certificate) {})
	settings := v.want(v.admin("GET", "/admin/v1/clients/app", nil), 200, "").json
	for _, name := range []string{"client_id", "public", "version", "created", "disabled", "registered"} {
		delete(settings, name)
	}
	settings["tls_client_certificate_bound_access_tokens"] = true
	v.want(v.admin("PUT", "/admin/v1/clients/app", settings), 200, "")

	code := v.code("app")
	v.want(v.token(redemption("app", code)), 400, "sender_proof_missing")
	first := v.want(v.token(redemption("app", code), mine.shown), 200, "")
	access := first.text("access_token")
	if first.text("token_type") != "Bearer" || x5t(v.claims(access)) != mine.thumbprint() {
		t.Errorf("%s", first.body)
	}
	asked := v.want(v.ask("POST", "/introspect", form(pairs("token", access)), v.as("service")), 200, "")
	if x5t(asked.json) != mine.thumbprint() {
		t.Errorf("introspection: %s", asked.body)
	}
	v.want(v.ask("GET", "/userinfo", header("Authorization", "Bearer "+access), mine.shown), 200, "")
	v.want(v.ask("GET", "/userinfo", header("Authorization", "Bearer "+access), thief.shown), 401, "sender_mismatch")
	v.want(v.ask("GET", "/userinfo", header("Authorization", "Bearer "+access)), 401, "sender_mismatch")

	old := refresh("app", first.text("refresh_token"))
	v.want(v.token(old, thief.shown), 400, "sender_mismatch")
	v.want(v.token(old), 400, "sender_proof_missing")
	second := v.want(v.token(old, mine.shown), 200, "")
	if x5t(v.claims(second.text("access_token"))) != mine.thumbprint() {
		t.Errorf("%s", second.body)
	}
	// Both bindings at once: a proof and the certificate are both demanded.
	h := v.holder()
	both := v.want(v.token(redemption("app", v.code("app")), mine.shown, h.prove()), 200, "")
	claims := v.claims(both.text("access_token"))
	if both.text("token_type") != "DPoP" || x5t(claims) != mine.thumbprint() || boundTo(claims) != h.Thumbprint() {
		t.Errorf("%s", both.body)
	}
	v.want(v.ask("GET", "/userinfo", header("Authorization", "DPoP "+both.text("access_token")), h.proof("GET", "/userinfo", both.text("access_token")), thief.shown), 401, "sender_mismatch")
	v.want(v.ask("GET", "/userinfo", header("Authorization", "DPoP "+both.text("access_token")), h.proof("GET", "/userinfo", both.text("access_token")), mine.shown), 200, "")
}

// RFC 9440: a proxy that ends TLS passes the certificate on. From anybody else the
// header is a stranger's word.
func TestThreatCertificateHeader(t *testing.T) {
	t.Parallel()
	v, ca := certified(t, web.FromHeader)
	v.issuer.Web.Peers = web.Peers{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	middle := v.certify(ca, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.Subject.CommonName = true, true, x509.KeyUsageCertSign, "Middle"
	})
	mine := v.certify(middle, func(c *x509.Certificate) { c.Subject.CommonName = "m" })
	v.tlsClient("m", map[string]any{"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=m"})
	seq := func(p *party) string { return ":" + base64.StdEncoding.EncodeToString(p.cert.Raw) + ":" }
	proxy := func(r *http.Request) { r.RemoteAddr = "10.0.0.1:4" }
	leaf, chain := header("Client-Cert", seq(mine)), header("Client-Cert-Chain", seq(middle)+", "+seq(ca))
	v.want(v.token(own("m"), proxy, leaf, chain), 200, "")
	v.want(v.token(own("m"), leaf, chain), 401, "client_invalid")
	v.want(v.token(own("m"), proxy, leaf), 401, "client_invalid")
	v.want(v.token(own("m"), proxy, leaf, leaf, chain), 401, "client_invalid")
	v.want(v.token(own("m"), proxy, leaf, header("Client-Cert-Chain", seq(middle)+", x")), 401, "client_invalid")
	v.want(v.token(own("m"), proxy, header("Client-Cert", strings.Trim(seq(mine), ":")), chain), 401, "client_invalid")
	v.want(v.token(own("m"), proxy, leaf, header("Client-Cert-Chain", strings.Repeat(seq(middle)+",", 9)+seq(ca))), 401, "client_invalid")
	// A connection's own certificate is not looked at here: it is the proxy's.
	v.want(v.token(own("m"), proxy, v.certify(ca, func(c *x509.Certificate) { c.Subject.CommonName = "m" }).shown), 401, "client_invalid")
	if strings.Contains(v.log.String(), base64.StdEncoding.EncodeToString(mine.cert.Raw)[:40]) {
		t.Error("the log holds a certificate")
	}
}

// What cannot work, or can be read in two ways, is not saved.
func TestCertificateClientsRefused(t *testing.T) {
	t.Parallel()
	v, _ := certified(t, web.FromConnection)
	bare, err := jwk.Generate(jwk.ES256, "k")
	v.ok(err)
	mine := v.set(v.certify(nil, func(*x509.Certificate) {}))
	for name, settings := range map[string]map[string]any{
		"no subject":            {"token_endpoint_auth_method": "tls_client_auth"},
		"two subjects":          {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example", "tls_client_auth_subject_dn": "CN=a"},
		"a wildcard":            {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "*.example"},
		"no address":            {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_ip": "billing"},
		"a subject and keys":    {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example", "jwks": mine},
		"a subject, no method":  {"tls_client_auth_san_dns": "a.example"},
		"self-signed, no keys":  {"token_endpoint_auth_method": "self_signed_tls_client_auth"},
		"no certificate":        {"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": v.jwks(bare)},
		"keys beside a secret":  {"token_endpoint_auth_method": "client_secret_basic", "jwks": mine},
		"no keys":               {"token_endpoint_auth_method": "private_key_jwt"},
		"none for a confidence": {"token_endpoint_auth_method": "none"},
		"another method":        {"token_endpoint_auth_method": "client_secret_jwt"},
		"public by certificate": {"public": true, "grant_types": []string{"authorization_code"}, "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example"},
	} {
		in := map[string]any{"grant_types": []string{"client_credentials"}, "audiences": []string{"api"}}
		for k, s := range settings {
			in[k] = s
		}
		if a := v.admin("POST", "/admin/v1/clients", in); a.status != 400 || a.json["code"] != "request_invalid" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	v.clients.Authorities = nil
	v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example"}), 400, "request_invalid")
	v.clients.Certificates = false
	v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": mine}), 400, "request_invalid")
	v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"tls_client_certificate_bound_access_tokens": true}), 400, "request_invalid")
}

// A secret that certificates have replaced never holds again.
func TestSecretReplacedByCertificate(t *testing.T) {
	t.Parallel()
	v, _ := certified(t, web.FromConnection)
	mine := v.certify(nil, func(*x509.Certificate) {})
	settings := map[string]any{"grant_types": []string{"client_credentials"}, "scopes": []string{"read"}, "audiences": []string{"api"}}
	v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine")), 200, "")
	settings["token_endpoint_auth_method"], settings["jwks"] = "self_signed_tls_client_auth", v.set(mine)
	v.want(v.admin("PUT", "/admin/v1/clients/machine", settings), 200, "")
	v.want(v.token(own("machine"), mine.shown), 200, "")
	v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine")), 401, "client_invalid")
	v.want(v.admin("POST", "/admin/v1/clients/machine/secret", nil), 400, "request_invalid")
	delete(settings, "token_endpoint_auth_method")
	delete(settings, "jwks")
	v.want(v.admin("PUT", "/admin/v1/clients/machine", settings), 200, "")
	v.want(v.token(own("machine"), mine.shown), 401, "client_invalid")
	v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine")), 401, "client_invalid")
}

// RFC 8705 5: clients with certificates are sent to an address of their own, and DPoP
// proofs for it hold there and nowhere else.
func TestMTLSEndpointAliases(t *testing.T) {
	t.Parallel()
	v, _ := certified(t, web.FromConnection)
	doc := v.want(v.ask("GET", "/.well-known/oauth-authorization-server"), 200, "").json
	aliases, _ := doc["mtls_endpoint_aliases"].(map[string]any)
	for name, at := range map[string]string{"token_endpoint": "/token", "introspection_endpoint": "/introspect", "revocation_endpoint": "/revoke",
		"pushed_authorization_request_endpoint": "/par", "device_authorization_endpoint": "/device_authorization", "userinfo_endpoint": "/userinfo"} {
		if aliases[name] != "https://mtls.example"+at {
			t.Errorf("%s: %v", name, aliases[name])
		}
	}
	if len(aliases) != 6 || doc["tls_client_certificate_bound_access_tokens"] != true || !strings.Contains(strings.Join(texts(doc["token_endpoint_auth_methods_supported"]), " "), "tls_client_auth") {
		t.Errorf("%v", doc)
	}
	proofs, err := web.NewProofs(issuerURL, "https://mtls.example", v.now)
	v.ok(err)
	v.issuer.Token.Proofs = proofs
	h := v.holder()
	at := func(host string) func(*http.Request) { return func(r *http.Request) { r.Host = host } }
	sent := func(host, url string) answer {
		text, err := h.Proof(jwt.DPoPTarget{Method: "POST", URL: url, Nonce: h.nonce})
		v.ok(err)
		return v.token(pairs("grant_type", "client_credentials"), v.as("machine"), header("DPoP", text), at(host))
	}
	v.want(sent("mtls.example", "https://mtls.example/token"), 200, "")
	v.want(sent("id.example", "https://id.example/token"), 200, "")
	v.want(sent("id.example", "https://mtls.example/token"), 400, "claim_mismatch")
	v.want(sent("mtls.example", "https://id.example/token"), 400, "claim_mismatch")
	v.want(sent("evil.example", "https://evil.example/token"), 400, "claim_mismatch")
}

// A client registers with the certificate that it has, and cannot take off what binds it.
func TestRegistrationOfCertificates(t *testing.T) {
	t.Parallel()
	v, ca := certified(t, web.FromConnection)
	mine := v.certify(ca, func(c *x509.Certificate) { c.DNSNames = []string{"billing.example"} })
	own := v.certify(nil, func(*x509.Certificate) {})
	service := func(list ...any) map[string]any {
		return anApp(append([]any{"grant_types", []string{"client_credentials"}, "redirect_uris", nil, "scope", "read"}, list...)...)
	}
	a := v.want(v.register("POST", "/register", v.invite(1), service("token_endpoint_auth_method", "tls_client_auth", "tls_client_auth_san_dns", "billing.example", "tls_client_certificate_bound_access_tokens", true)), 201, "")
	id := a.text("client_id")
	if a.json["client_secret"] != nil || a.text("tls_client_auth_san_dns") != "billing.example" || a.json["tls_client_certificate_bound_access_tokens"] != true {
		t.Errorf("%s", a.body)
	}
	request := pairs("grant_type", "client_credentials", "client_id", id)
	if got := v.want(v.token(request, mine.shown), 200, ""); x5t(v.claims(got.text("access_token"))) != mine.thumbprint() {
		t.Errorf("%s", got.body)
	}
	v.want(v.token(request, own.shown), 401, "client_invalid")
	a = v.want(v.register("PUT", place(a), a.text("registration_access_token"), service("client_id", id, "token_endpoint_auth_method", "tls_client_auth", "tls_client_auth_san_dns", "billing.example")), 200, "")
	if a.json["tls_client_certificate_bound_access_tokens"] != true {
		t.Errorf("it is bound no more: %s", a.body)
	}
	b := v.want(v.register("POST", "/register", v.invite(1), service("token_endpoint_auth_method", "self_signed_tls_client_auth", "jwks", v.set(own))), 201, "")
	v.want(v.token(pairs("grant_type", "client_credentials", "client_id", b.text("client_id")), own.shown), 200, "")
	for name, m := range map[string]map[string]any{
		"two subjects": service("token_endpoint_auth_method", "tls_client_auth", "tls_client_auth_san_dns", "a", "tls_client_auth_subject_dn", "CN=a"),
		"none":         service("token_endpoint_auth_method", "tls_client_auth"),
		"a secret too": service("token_endpoint_auth_method", "client_secret_basic", "tls_client_auth_san_dns", "a"),
	} {
		if a := v.register("POST", "/register", v.invite(1), m); a.status != 400 || a.text("error") != "invalid_client_metadata" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}
