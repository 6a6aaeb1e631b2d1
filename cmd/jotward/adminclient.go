package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/server/admin"
)

// clientFlags are the settings of a client on a command line. The names are
// those of the API in the singular: each may be given more than once.
func clientFlags(cmd *cobra.Command, in *admin.ClientSettings) {
	flags := cmd.Flags()
	flags.StringVar(&in.Name, "name", "", "the name that people see")
	flags.StringSliceVar(&in.GrantTypes, "grant-type", nil, "the allowed grant types")
	flags.StringSliceVar(&in.RedirectURIs, "redirect-uri", nil, "the redirect URIs, exactly as they are sent")
	flags.StringSliceVar(&in.Scopes, "scope", nil, "the allowed scopes")
	flags.StringSliceVar(&in.Audiences, "audience", nil, "the allowed audiences")
	flags.StringSliceVar(&in.Roles, "role", nil, "the roles in the client's own tokens")
	flags.StringSliceVar(&in.Permissions, "permission", nil, "the permissions in the client's own tokens")
	flags.Int64Var(&in.AccessTokenLifetime, "access-token-lifetime", 0, "seconds, 300 to 3600 (default 600)")
	flags.BoolVar(&in.SkipConsent, "skip-consent", false, "do not ask people: for clients of one's own")
	flags.StringVar(&in.AuthMethod, "token-endpoint-auth-method", "", "client_secret_basic, private_key_jwt, tls_client_auth, self_signed_tls_client_auth or none (default: by what the client has)")
	flags.StringVar(&in.JWKSURI, "jwks-uri", "", "where the client publishes the keys that it signs assertions with (private_key_jwt), in place of --jwks; '' for nowhere")
	flags.Var((*jwksFlag)(&in.JWKS), "jwks", "a file with the JWK Set of the client's public keys: it then signs assertions (private_key_jwt), or shows certificates that it made itself, and has no secret; '' takes them away")
	flags.StringVar(&in.DN, "tls-client-auth-subject-dn", "", "the subject of the client's certificate as RFC 4514 writes it, such as CN=a,O=Example")
	flags.StringVar(&in.DNS, "tls-client-auth-san-dns", "", "a DNS name of the client's certificate")
	flags.StringVar(&in.URI, "tls-client-auth-san-uri", "", "a URI of the client's certificate")
	flags.StringVar(&in.IP, "tls-client-auth-san-ip", "", "an address of the client's certificate")
	flags.StringVar(&in.Mail, "tls-client-auth-san-email", "", "an e-mail address of the client's certificate")
	flags.BoolVar(&in.TLSBound, "tls-client-certificate-bound-access-tokens", false, "give tokens for a client certificate only, and bind them to it (RFC 8705)")
	flags.BoolVar(&in.DPoP, "dpop-bound-access-tokens", false, "give tokens for a DPoP proof only (RFC 9449)")
	flags.BoolVar(&in.PAR, "require-pushed-authorization-requests", false, "authorization requests must be pushed (RFC 9126)")
	flags.StringSliceVar(&in.PostLogoutRedirectURIs, "post-logout-redirect-uri", nil, "where people may be sent after they signed out, exactly as it is sent")
	flags.StringVar(&in.IDToken, "id-token-signed-response-alg", "", "what its ID tokens are signed with (default: the first of issuer.signing.algorithms)")
	flags.StringVar(&in.IDEncryption, "id-token-encrypted-response-alg", "", "how its ID tokens are encrypted for a key of its jwks or jwks_uri, such as ECDH-ES+A256KW (default: they are not)")
	flags.StringVar(&in.IDContent, "id-token-encrypted-response-enc", "", "what their content is encrypted with (default: A128CBC-HS256)")
	flags.StringVar(&in.UserInfo, "userinfo-signed-response-alg", "", "what answers of /userinfo are signed with (default: they are not)")
	flags.StringVar(&in.AccessToken, "access-token-signed-response-alg", "", "what its access tokens are signed with (default: the first of issuer.signing.algorithms)")
	flags.StringVar(&in.Format, "access-token-format", "", "jwt, or opaque: tokens that only the issuer can read, who takes them back at once (default: jwt)")
	flags.Var((*claimFlag)(&in.AccessTokenClaims), "access-token-claim", "a claim of its access tokens, such as 'tenant=account.username': a CEL expression over account, client and request; '' takes all away")
	flags.Var((*claimFlag)(&in.IDTokenClaims), "id-token-claim", "a claim of its ID tokens, as above")
	flags.StringVar(&in.BackchannelLogoutURI, "backchannel-logout-uri", "", "where the client is told that a session ended; '' for nowhere")
	flags.BoolVar(&in.BackchannelLogoutSession, "backchannel-logout-session-required", false, "the client needs the session's sid for that; it always gets it")
	flags.StringVar(&in.FrontchannelLogoutURI, "frontchannel-logout-uri", "", "what a browser opens when a person signs out, of a redirect URI's origin; '' for nothing")
	flags.BoolVar(&in.FrontchannelLogoutSession, "frontchannel-logout-session-required", false, "it is to be opened with iss and sid; it always is")
}

// jwksFlag reads a file. Whether it holds public keys is for the issuer to say.
type jwksFlag json.RawMessage

func (j *jwksFlag) String() string { return "" }
func (j *jwksFlag) Type() string   { return "file" }
func (j *jwksFlag) Set(path string) error {
	if path == "" { // none from now on
		*j = nil
		return nil
	}
	data, err := os.ReadFile(path)
	if err == nil && !json.Valid(data) {
		err = errors.New("it is not JSON")
	}
	*j = jwksFlag(bytes.TrimSpace(data))
	return err
}

// claimFlag reads name=expression. Whether it is one is for the issuer to say.
type claimFlag map[string]string

func (c *claimFlag) String() string { return "" }
func (c *claimFlag) Type() string   { return "name=expression" }
func (c *claimFlag) Set(text string) error {
	if text == "" { // none from now on
		*c = nil
		return nil
	}
	name, expression, ok := strings.Cut(text, "=")
	if !ok {
		return errors.New("it is not name=expression")
	}
	if *c == nil {
		*c = claimFlag{}
	}
	(*c)[name] = expression
	return nil
}

// changed puts what the command line says over what is there.
func changed(cmd *cobra.Command, is, in *admin.ClientSettings) {
	for name, take := range map[string]func(){
		"name": func() { is.Name = in.Name }, "grant-type": func() { is.GrantTypes = in.GrantTypes }, "redirect-uri": func() { is.RedirectURIs = in.RedirectURIs },
		"scope": func() { is.Scopes = in.Scopes }, "audience": func() { is.Audiences = in.Audiences }, "role": func() { is.Roles = in.Roles },
		"permission": func() { is.Permissions = in.Permissions }, "access-token-lifetime": func() { is.AccessTokenLifetime = in.AccessTokenLifetime },
		"skip-consent": func() { is.SkipConsent = in.SkipConsent }, "jwks-uri": func() {
			if is.JWKSURI = in.JWKSURI; !cmd.Flags().Changed("token-endpoint-auth-method") {
				is.AuthMethod = "" // by what it has
			}
		}, "jwks": func() {
			if is.JWKS = in.JWKS; is.AuthMethod != client.AuthSelfSigned && !cmd.Flags().Changed("token-endpoint-auth-method") {
				is.AuthMethod = "" // by what it has
			}
		},
		"token-endpoint-auth-method": func() { is.AuthMethod = in.AuthMethod }, "tls-client-auth-subject-dn": func() { is.DN = in.DN },
		"tls-client-auth-san-dns": func() { is.DNS = in.DNS }, "tls-client-auth-san-uri": func() { is.URI = in.URI },
		"tls-client-auth-san-ip": func() { is.IP = in.IP }, "tls-client-auth-san-email": func() { is.Mail = in.Mail },
		"tls-client-certificate-bound-access-tokens": func() { is.TLSBound = in.TLSBound },
		"dpop-bound-access-tokens":                   func() { is.DPoP = in.DPoP }, "require-pushed-authorization-requests": func() { is.PAR = in.PAR },
		"post-logout-redirect-uri":         func() { is.PostLogoutRedirectURIs = in.PostLogoutRedirectURIs },
		"id-token-signed-response-alg":     func() { is.IDToken = in.IDToken },
		"id-token-encrypted-response-alg":  func() { is.IDEncryption = in.IDEncryption },
		"id-token-encrypted-response-enc":  func() { is.IDContent = in.IDContent },
		"userinfo-signed-response-alg":     func() { is.UserInfo = in.UserInfo },
		"access-token-signed-response-alg": func() { is.AccessToken = in.AccessToken },
		"access-token-claim":               func() { is.AccessTokenClaims = in.AccessTokenClaims },
		"id-token-claim":                   func() { is.IDTokenClaims = in.IDTokenClaims },
		"access-token-format":              func() { is.Format = in.Format },
		"backchannel-logout-uri":           func() { is.BackchannelLogoutURI = in.BackchannelLogoutURI }, "backchannel-logout-session-required": func() { is.BackchannelLogoutSession = in.BackchannelLogoutSession },
		"frontchannel-logout-uri": func() { is.FrontchannelLogoutURI = in.FrontchannelLogoutURI }, "frontchannel-logout-session-required": func() { is.FrontchannelLogoutSession = in.FrontchannelLogoutSession },
	} {
		if cmd.Flags().Changed(name) {
			take()
		}
	}
}

func clientCommand() *cobra.Command {
	f := new(adminFlags)
	return f.group("client", "Manage clients",
		f.lister("list", "List clients", "/admin/v1/clients"),
		f.byID("show", "Show a client", "GET", "/admin/v1/clients/%s"),
		clientCreate(f), clientUpdate(f),
		f.byID("delete", "Delete a client with its grants, and revoke its tokens", "DELETE", "/admin/v1/clients/%s"),
		clientSecret(f),
		f.byID("disable", "Shut a client and revoke its tokens", "POST", "/admin/v1/clients/%s/disable"),
		f.byID("enable", "Open a client again", "POST", "/admin/v1/clients/%s/enable"))
}

func clientCreate(f *adminFlags) *cobra.Command {
	var in admin.NewClient
	cmd := &cobra.Command{Use: "create", Short: "Make a client; its secret is shown once", Args: exactArgs(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.call(cmd, "POST", "/admin/v1/clients", in)
		}}
	cmd.Flags().StringVar(&in.ID, "id", "", "the client_id (default: a new one)")
	cmd.Flags().BoolVar(&in.Public, "public", false, "a client that cannot keep a secret")
	clientFlags(cmd, &in.ClientSettings)
	return cmd
}

func clientSecret(f *adminFlags) *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{Use: "secret ID", Short: "Replace the secret; the new one is shown once", Args: exactArgs(1, "an id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.call(cmd, "POST", fill("/admin/v1/clients/%s/secret", args), map[string]int64{"overlap": int64(overlap / time.Second)})
		}}
	cmd.Flags().DurationVar(&overlap, "overlap", 0, "how long the present secret holds as well, at most 168h")
	return cmd
}

// clientUpdate reads the client, changes what the flags name, and writes it back
// unless somebody else has changed it meanwhile.
func clientUpdate(f *adminFlags) *cobra.Command {
	var in admin.ClientSettings
	cmd := &cobra.Command{Use: "update ID", Short: "Change what the flags name, and nothing else", Args: exactArgs(1, "an id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := fill("/admin/v1/clients/%s", args)
			answer, etag, err := f.send(cmd, "GET", path, nil, "")
			if err != nil {
				return err
			}
			var is admin.ClientSettings
			if err := json.Unmarshal(answer, &is); err != nil {
				return err
			}
			changed(cmd, &is, &in)
			if answer, _, err = f.send(cmd, "PUT", path, is, etag); err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(answer)
			return err
		}}
	clientFlags(cmd, &in)
	return cmd
}
