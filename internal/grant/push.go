package grant

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
)

// PushedLife is how long a pushed request may be used (RFC 9126 2.2: 5 to 600
// seconds): a person signs in and consents meanwhile.
const PushedLife = 10 * time.Minute

// PushedPrefix begins every request_uri of ours.
const PushedPrefix = "urn:ietf:params:oauth:request_uri:"

// Push keeps the parameters of a request that was found valid, and returns its
// request_uri, which is good for one code (RFC 9126 2.2).
func (s *Service) Push(ctx context.Context, c client.Client, parameters string) (requestURI string, err error) {
	now, text := s.Now(), secret.New("")
	return PushedPrefix + text, s.Store.SavePushed(ctx, Pushed{Hash: secret.Hash(text), ClientID: c.ID, Parameters: parameters, Created: now, Expires: now.Add(PushedLife)})
}

// Pull returns what a request_uri of this client stands for. It fails with
// invalid_request_uri (RFC 9101 7) where it is unknown, spent, expired or another client's.
func (s *Service) Pull(ctx context.Context, clientID, requestURI string) (Pushed, error) {
	no := &reason.Error{Code: reason.RequestInvalid, OAuth: "invalid_request_uri", Cause: errors.New("grant: the request_uri is unknown, spent, expired, or another client's")}
	p, err := s.Store.Pushed(ctx, secret.Hash(strings.TrimPrefix(requestURI, PushedPrefix)))
	switch {
	case errors.Is(err, reason.New(reason.NotFound, nil)):
		return Pushed{}, no
	case err != nil:
		return Pushed{}, err
	case p.Spent || p.ClientID != clientID || !s.Now().Before(p.Expires):
		return Pushed{}, no
	}
	return p, nil
}
