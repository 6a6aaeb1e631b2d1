// Package grpcbearer guards gRPC services with the tokens that package bearer
// guards HTTP handlers with, and sends them from clients. It is a module of its
// own, so that package jose requires nothing.
//
// A handler reads the verified token with bearer.FromContext.
package grpcbearer

import (
	"context"
	"crypto/x509"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/bearer"
	"github.com/jotward/jotward/jose/tokensource"
)

// Options say what the interceptors ask for. The zero value asks for a token
// that the verifier accepts, in every call.
type Options struct {
	// Scopes returns those that a method, such as "/pkg.Service/Method", asks for;
	// nil asks for none.
	Scopes func(method string) []string
	// SkipMethod names methods that need no token, such as health checks. A token
	// that comes with such a call is not looked at.
	SkipMethod func(method string) bool
	// Certificate has tokens accepted that are bound to a client certificate (RFC 8705
	// 3): it returns the one whose possession the client of this call has shown, nil for
	// none. PeerCertificate is it where this server ends TLS and asks for certificates.
	// A token whose cnf claim names anything else is refused.
	Certificate func(context.Context) *x509.Certificate
	// OnReject is told of every refusal. For counting and logging; optional.
	OnReject func(ctx context.Context, method string, err error)
}

// UnaryServer lets a call through with one credential in the metadata
// "authorization" that v accepts. Refusals have the reason code as their
// message and one of the codes Unauthenticated, PermissionDenied (a scope is
// missing), InvalidArgument (two credentials), Unavailable (no keys) and
// Internal. It panics when v is nil.
func UnaryServer[C any](v bearer.Verifier[C], o Options) grpc.UnaryServerInterceptor {
	mustBe(v)
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		ctx, err := authenticate(ctx, v, &o, info.FullMethod)
		if err != nil {
			return nil, err
		}
		return next(ctx, request)
	}
}

// StreamServer is UnaryServer for streams: the token is looked at once, when a
// stream begins.
func StreamServer[C any](v bearer.Verifier[C], o Options) grpc.StreamServerInterceptor {
	mustBe(v)
	return func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		ctx, err := authenticate(stream.Context(), v, &o, info.FullMethod)
		if err != nil {
			return err
		}
		return next(server, &identified{stream, ctx})
	}
}

func mustBe[C any](v bearer.Verifier[C]) {
	if v == nil {
		panic("grpcbearer: an interceptor without a verifier")
	}
}

// identified is a stream whose context holds the token.
type identified struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (s *identified) Context() context.Context { return s.ctx }

func authenticate[C any](ctx context.Context, v bearer.Verifier[C], o *Options, method string) (context.Context, error) {
	if o.SkipMethod != nil && o.SkipMethod(method) {
		return ctx, nil
	}
	next, err := verify(ctx, v, o, method)
	if err == nil {
		return next, nil
	}
	if o.OnReject != nil {
		o.OnReject(ctx, method, err)
	}
	return nil, status.Error(codeOf(err), string(jose.ReasonOf(err)))
}

func verify[C any](ctx context.Context, v bearer.Verifier[C], o *Options, method string) (context.Context, error) {
	text, err := bearer.FromValues(metadata.ValueFromIncomingContext(ctx, "authorization"))
	if err != nil {
		return nil, err
	}
	t, err := v.Verify(ctx, text)
	if err != nil {
		return nil, err
	}
	var scopes []string
	if o.Scopes != nil {
		scopes = o.Scopes(method)
	}
	b, err := t.Confirmation()
	if err != nil {
		return nil, err
	}
	certificate := b.Certificate != "" && o.Certificate != nil
	if certificate {
		if err := b.CheckCertificate(o.Certificate(ctx)); err != nil {
			return nil, err
		}
	}
	if err := bearer.Authorize(t, scopes, certificate && b.Key == "" && !b.Other); err != nil {
		return nil, err
	}
	return bearer.NewContext(ctx, t), nil
}

// PeerCertificate returns the certificate that the client of a call showed in the TLS
// handshake of this server, nil for none. It is for Options.Certificate.
func PeerCertificate(ctx context.Context) *x509.Certificate {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 {
		return nil
	}
	return info.State.PeerCertificates[0] // the first is the client's own (RFC 8446 4.4.2)
}

// codeOf follows bearer.Classify.
func codeOf(err error) codes.Code {
	switch httpStatus, _ := bearer.Classify(err); httpStatus {
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusBadRequest:
		return codes.InvalidArgument
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	}
	return codes.Internal
}

// A TokenSource gives the token to send; *tokensource.Source is one.
type TokenSource interface {
	Token(ctx context.Context) (tokensource.Token, error)
}

// Credentials sends the source's token with every call of a client, and over a
// connection without TLS with none: the call fails.
func Credentials(source TokenSource) credentials.PerRPCCredentials { return &outgoing{source} }

type outgoing struct{ source TokenSource }

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (o *outgoing) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := o.source.Token(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + token.Value}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (o *outgoing) RequireTransportSecurity() bool { return true }
