package grpcbearer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/bearer"
	"github.com/jotward/jotward/jose/grpcbearer"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/tokensource"
)

var now = time.Unix(1700000100, 0)

type claims struct {
	Role string `json:"role"`
}

// service says which role it saw, as the service's name in an error.
type service struct {
	health.UnimplementedHealthServer
}

func (service) Check(ctx context.Context, _ *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	return &health.HealthCheckResponse{}, seen(ctx)
}

func (service) Watch(_ *health.HealthCheckRequest, s health.Health_WatchServer) error {
	if err := seen(s.Context()); err != nil {
		return err
	}
	return s.Send(&health.HealthCheckResponse{})
}

func seen(ctx context.Context) error {
	t, ok := bearer.FromContext[claims](ctx)
	if !ok {
		return status.Error(codes.DataLoss, "no token in the context")
	}
	if t.Claims.Role != "clerk" || t.Subject != "alice" {
		return status.Error(codes.DataLoss, "another token in the context")
	}
	return nil
}

type world struct {
	t       *testing.T
	key     *jwk.Key
	client  health.HealthClient
	rejects []string
}

func start(t *testing.T, o grpcbearer.Options) *world {
	t.Helper()
	key, err := jwk.Generate(jwk.ES256, "k")
	if err != nil {
		t.Fatal(err)
	}
	v, err := jwt.NewVerifier[claims](key, jwt.Policy{Issuers: []string{"i"}, Audiences: []string{"a"}, Algorithms: []jwk.Algorithm{jwk.ES256},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, key: key}
	o.OnReject = func(_ context.Context, method string, err error) {
		w.rejects = append(w.rejects, method+" "+string(jose.ReasonOf(err)))
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(grpcbearer.UnaryServer(v, o)), grpc.StreamInterceptor(grpcbearer.StreamServer(v, o)))
	health.RegisterHealthServer(server, service{})
	listener := bufconn.Listen(1 << 16)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	w.client = health.NewHealthClient(conn)
	return w
}

func (w *world) token(extra string) string {
	signer, err := jwt.NewSigner(w.key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := signer.Sign([]byte(`{"iss":"i","aud":"a","sub":"alice","role":"clerk","iat":1700000000,"exp":1700000600` + extra + `}`))
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// both makes a unary and a streaming call and returns the one answer of both.
func (w *world) both(authorization ...string) error {
	w.t.Helper()
	ctx := w.t.Context()
	for _, a := range authorization {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", a)
	}
	_, unary := w.client.Check(ctx, &health.HealthCheckRequest{})
	stream, err := w.client.Watch(ctx, &health.HealthCheckRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != status.Code(unary) || status.Convert(err).Message() != status.Convert(unary).Message() {
		w.t.Errorf("a unary call answers %v, a stream %v", unary, err)
	}
	return unary
}

func TestCalls(t *testing.T) {
	w := start(t, grpcbearer.Options{Scopes: func(method string) []string {
		if method == health.Health_Check_FullMethodName || method == health.Health_Watch_FullMethodName {
			return []string{"read"}
		}
		return []string{"nobody has this"}
	}})
	good := "Bearer " + w.token(`,"scope":"read write"`)
	for _, c := range []struct {
		name   string
		values []string
		code   codes.Code
		reason jose.Reason
	}{
		{"good", []string{good}, codes.OK, ""},
		{"scheme in another case", []string{"bearer " + good[7:]}, codes.OK, ""},
		{"nothing", nil, codes.Unauthenticated, jose.CredentialMissing},
		{"two credentials", []string{good, good}, codes.InvalidArgument, jose.CredentialRepeated},
		{"another scheme", []string{"Basic YTpi"}, codes.Unauthenticated, jose.CredentialMissing},
		{"no token", []string{"Bearer x y"}, codes.Unauthenticated, jose.CredentialMalformed},
		{"bent", []string{good + "A"}, codes.Unauthenticated, jose.SignatureInvalid},
		{"without the scope", []string{"Bearer " + w.token(`,"scope":"write"`)}, codes.PermissionDenied, jose.ScopeMissing},
		{"a scope that is no string", []string{"Bearer " + w.token(`,"scope":["read"]`)}, codes.Unauthenticated, jose.ClaimsInvalid},
		{"bound, without proof", []string{"Bearer " + w.token(`,"scope":"read","cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`)}, codes.Unauthenticated, jose.SenderProofUnchecked},
		{"bound to what is no thumbprint", []string{"Bearer " + w.token(`,"scope":"read","cnf":{"jkt":"x"}`)}, codes.Unauthenticated, jose.ClaimsInvalid},
	} {
		err := w.both(c.values...)
		if status.Code(err) != c.code || err != nil && status.Convert(err).Message() != string(c.reason) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if !slices.Contains(w.rejects, "/grpc.health.v1.Health/Watch scope_missing") || len(w.rejects) != 18 {
		t.Errorf("told of %v", w.rejects)
	}
}

// RFC 8705 3: a stolen token is worth nothing with another certificate.
func TestCertificates(t *testing.T) {
	var shown *x509.Certificate
	w := start(t, grpcbearer.Options{Certificate: func(context.Context) *x509.Certificate { return shown }})
	mine := &x509.Certificate{Raw: []byte("mine")}
	sum := sha256.Sum256(mine.Raw)
	x5t := `"x5t#S256":"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"`
	for name, c := range map[string]struct {
		cnf    string
		shown  *x509.Certificate
		reason jose.Reason
	}{
		"mine": {x5t, mine, ""}, "another": {x5t, &x509.Certificate{Raw: []byte("another's")}, jose.SenderMismatch}, "none": {x5t, nil, jose.SenderMismatch},
		"a key as well":  {x5t + `,"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"`, mine, jose.SenderProofUnchecked},
		"something more": {x5t + `,"kid":"x"`, mine, jose.SenderProofUnchecked},
	} {
		shown = c.shown
		err := w.both("Bearer " + w.token(`,"cnf":{`+c.cnf+`}`))
		if c.reason == "" && err == nil {
			continue
		}
		if status.Code(err) != codes.Unauthenticated || status.Convert(err).Message() != string(c.reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPeerCertificate(t *testing.T) {
	leaf := new(x509.Certificate)
	over := func(auth credentials.AuthInfo) context.Context {
		return peer.NewContext(t.Context(), &peer.Peer{AuthInfo: auth})
	}
	for name, c := range map[string]struct {
		ctx  context.Context
		want *x509.Certificate
	}{
		"no peer": {t.Context(), nil}, "no TLS": {over(nil), nil}, "no certificate": {over(credentials.TLSInfo{}), nil},
		"a chain": {over(credentials.TLSInfo{State: tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf, new(x509.Certificate)}}}), leaf},
	} {
		if got := grpcbearer.PeerCertificate(c.ctx); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestOptions(t *testing.T) {
	w := start(t, grpcbearer.Options{
		SkipMethod: func(method string) bool { return method == health.Health_Check_FullMethodName },
	})
	if _, err := w.client.Check(t.Context(), &health.HealthCheckRequest{}); status.Code(err) != codes.DataLoss {
		t.Errorf("a skipped method: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("an interceptor without a verifier")
		}
	}()
	grpcbearer.UnaryServer[claims](nil, grpcbearer.Options{})
}

type source struct {
	token string
	err   error
}

func (s source) Token(context.Context) (tokensource.Token, error) {
	return tokensource.Token{Value: s.token}, s.err
}

// A client's token goes over TLS and nowhere else.
func TestCredentials(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"server"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	got := make(chan []string, 1)
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private})),
		grpc.UnaryInterceptor(func(ctx context.Context, _ any, _ *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
			got <- metadata.ValueFromIncomingContext(ctx, "authorization")
			return &health.HealthCheckResponse{}, nil
		}))
	health.RegisterHealthServer(server, service{})
	listener := bufconn.Listen(1 << 16)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	call := func(transport credentials.TransportCredentials, s source) error {
		conn, err := grpc.NewClient("passthrough:///server", grpc.WithTransportCredentials(transport), grpc.WithPerRPCCredentials(grpcbearer.Credentials(s)),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = health.NewHealthClient(conn).Check(t.Context(), &health.HealthCheckRequest{})
		return err
	}
	if err := call(credentials.NewClientTLSFromCert(pool, "server"), source{token: "t"}); err != nil {
		t.Fatal(err)
	}
	if values := <-got; !slices.Equal(values, []string{"Bearer t"}) {
		t.Errorf("the server got %v", values)
	}
	if err := call(credentials.NewClientTLSFromCert(pool, "server"), source{err: errors.New("no token")}); err == nil {
		t.Error("a call without a token")
	}
	if err := call(insecure.NewCredentials(), source{token: "t"}); err == nil {
		t.Error("a token in clear")
	}
}

func Example() {
	key, err := jwk.Generate(jwk.ES256, "") // the issuer's; jwks.NewRemote in real life
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := jwt.NewVerifier[struct{}](key, jwt.Policy{
		Issuers: []string{"https://id.example"}, Audiences: []string{"orders"}, Algorithms: []jwk.Algorithm{jwk.ES256},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: time.Now,
	})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(
		grpc.UnaryInterceptor(grpcbearer.UnaryServer(verifier, grpcbearer.Options{})),
		grpc.StreamInterceptor(grpcbearer.StreamServer(verifier, grpcbearer.Options{})),
	)
	fmt.Println(len(server.GetServiceInfo()))
	// Output: 0
}
