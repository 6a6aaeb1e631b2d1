package registration

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jwk"
)

// document is a client's metadata as it comes (RFC 7591 2, OpenID Connect Dynamic Client
// Registration 2). Other members are ignored, as the RFC demands.
type document struct {
	ClientID *string `json:"client_id"`
	Secret   *string `json:"client_secret"`

	Name                   string          `json:"client_name"`
	RedirectURIs           []string        `json:"redirect_uris"`
	PostLogoutRedirectURIs []string        `json:"post_logout_redirect_uris"`
	GrantTypes             []string        `json:"grant_types"`
	ResponseTypes          []string        `json:"response_types"`
	AuthMethod             string          `json:"token_endpoint_auth_method"`
	Scope                  string          `json:"scope"`
	JWKS                   json.RawMessage `json:"jwks"`
	JWKSURI                string          `json:"jwks_uri"`
	DPoP                   bool            `json:"dpop_bound_access_tokens"`
	certificate
	PAR      bool          `json:"require_pushed_authorization_requests"`
	IDToken  jwk.Algorithm `json:"id_token_signed_response_alg"`
	UserInfo jwk.Algorithm `json:"userinfo_signed_response_alg"`

	IDEncryption jwk.Algorithm `json:"id_token_encrypted_response_alg"`
	IDContent    jwk.Algorithm `json:"id_token_encrypted_response_enc"`

	BackchannelLogoutURI      string `json:"backchannel_logout_uri"`
	BackchannelLogoutSession  bool   `json:"backchannel_logout_session_required"`
	FrontchannelLogoutURI     string `json:"frontchannel_logout_uri"`
	FrontchannelLogoutSession bool   `json:"frontchannel_logout_session_required"`

	// What is given out here, and must not come back (RFC 7592 2.2).
	Token     json.RawMessage `json:"registration_access_token"`
	URI       json.RawMessage `json:"registration_client_uri"`
	ExpiresAt json.RawMessage `json:"client_secret_expires_at"`
	IssuedAt  json.RawMessage `json:"client_id_issued_at"`

	// What a client relies on, and is not done here: to ignore it would leave it less
	// protected than it believes to be.
	Statement      json.RawMessage `json:"software_statement"`
	Sector         json.RawMessage `json:"sector_identifier_uri"`
	RequestURIs    json.RawMessage `json:"request_uris"`
	RequestAlg     json.RawMessage `json:"request_object_signing_alg"`
	RequestSigned  bool            `json:"require_signed_request_object"`
	UserEncryption json.RawMessage `json:"userinfo_encrypted_response_alg"`
	SubjectType    string          `json:"subject_type"`
}

// certificate is what a client says of its own (RFC 8705 2.1.2, 3.4).
type certificate struct {
	DN       string `json:"tls_client_auth_subject_dn,omitempty"`
	DNS      string `json:"tls_client_auth_san_dns,omitempty"`
	URI      string `json:"tls_client_auth_san_uri,omitempty"`
	IP       string `json:"tls_client_auth_san_ip,omitempty"`
	Mail     string `json:"tls_client_auth_san_email,omitempty"`
	TLSBound bool   `json:"tls_client_certificate_bound_access_tokens,omitempty"`
}

// own are the members that only the server writes.
func (d document) own() (names []string) {
	for _, m := range []struct {
		name  string
		value json.RawMessage
	}{{"registration_access_token", d.Token}, {"registration_client_uri", d.URI}, {"client_secret_expires_at", d.ExpiresAt}, {"client_id_issued_at", d.IssuedAt}} {
		if m.value != nil {
			names = append(names, m.name)
		}
	}
	return names
}

// read reads a bounded document, and refuses what cannot be kept.
func read(r *http.Request) (d document, err error) {
	if err := web.ReadMetadata(r, &d); err != nil {
		if e, ok := errors.AsType[*reason.Error](err); ok && e.Code == reason.RequestInvalid {
			return d, metadata(e.Detail)
		}
		return d, err
	}
	return d, d.fault()
}

func (d document) fault() error {
	if d.Statement != nil {
		return &reason.Error{Code: reason.ClientMetadataInvalid, OAuth: "unapproved_software_statement", Detail: "software statements are not read here: send the metadata itself"}
	}
	for _, m := range []struct {
		name  string
		there bool
	}{{"sector_identifier_uri", d.Sector != nil}, {"request_uris", d.RequestURIs != nil}, {"request_object_signing_alg", d.RequestAlg != nil},
		{"require_signed_request_object", d.RequestSigned}, {"userinfo_encrypted_response_alg", d.UserEncryption != nil},
		{"subject_type", d.SubjectType != "" && d.SubjectType != "public"}} {
		if m.there {
			return metadata(m.name + " asks for something that is not done here")
		}
	}
	if slices.ContainsFunc(d.ResponseTypes, func(v string) bool { return v != "code" }) {
		return metadata("response_types has another than code")
	}
	// RFC 7591 2.1: the two go together.
	code := len(d.GrantTypes) == 0 || slices.Contains(d.GrantTypes, "authorization_code")
	if d.ResponseTypes != nil && code != (len(d.ResponseTypes) > 0) {
		return metadata("response_types does not fit grant_types (RFC 7591 2.1)")
	}
	return nil
}

// wanted fills in what RFC 7591 2 says of members that are left out.
func (d document) wanted() client.Wanted {
	w := client.Wanted{Name: d.Name, RedirectURIs: d.RedirectURIs, PostLogoutRedirectURIs: d.PostLogoutRedirectURIs, GrantTypes: d.GrantTypes, AuthMethod: d.AuthMethod,
		Scopes: strings.Fields(d.Scope), JWKS: string(d.JWKS), JWKSURI: d.JWKSURI, DPoP: d.DPoP, PAR: d.PAR, TLSBound: d.TLSBound,
		TLSSubject: client.TLSSubject{DN: d.DN, DNS: d.DNS, URI: d.certificate.URI, IP: d.IP, Mail: d.Mail}, IDTokenAlgorithm: d.IDToken, UserInfoAlgorithm: d.UserInfo,
		IDTokenEncryption: d.IDEncryption, IDTokenContent: d.IDContent,
		BackchannelLogoutURI: d.BackchannelLogoutURI, BackchannelLogoutSession: d.BackchannelLogoutSession, FrontchannelLogoutURI: d.FrontchannelLogoutURI, FrontchannelLogoutSession: d.FrontchannelLogoutSession}
	if w.AuthMethod == "" {
		w.AuthMethod = client.AuthSecret
	}
	if len(w.GrantTypes) == 0 {
		w.GrantTypes = []string{"authorization_code"}
	}
	return w
}
