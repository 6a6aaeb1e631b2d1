package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

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
}

// changed puts what the command line says over what is there.
func changed(cmd *cobra.Command, is, in *admin.ClientSettings) {
	for name, take := range map[string]func(){
		"name": func() { is.Name = in.Name }, "grant-type": func() { is.GrantTypes = in.GrantTypes }, "redirect-uri": func() { is.RedirectURIs = in.RedirectURIs },
		"scope": func() { is.Scopes = in.Scopes }, "audience": func() { is.Audiences = in.Audiences }, "role": func() { is.Roles = in.Roles },
		"permission": func() { is.Permissions = in.Permissions }, "access-token-lifetime": func() { is.AccessTokenLifetime = in.AccessTokenLifetime },
		"skip-consent": func() { is.SkipConsent = in.SkipConsent },
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
		f.byID("secret", "Replace the secret; the new one is shown once", "POST", "/admin/v1/clients/%s/secret"),
		f.byID("disable", "Shut a client and revoke its tokens", "POST", "/admin/v1/clients/%s/disable"),
		f.byID("enable", "Open a client again", "POST", "/admin/v1/clients/%s/enable"))
}

func clientCreate(f *adminFlags) *cobra.Command {
	var in admin.NewClient
	var settings admin.ClientSettings
	cmd := &cobra.Command{Use: "create", Short: "Make a client; its secret is shown once", Args: exactArgs(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.call(cmd, "POST", "/admin/v1/clients", settings.New(in.ID, in.Public))
		}}
	cmd.Flags().StringVar(&in.ID, "id", "", "the client_id (default: a new one)")
	cmd.Flags().BoolVar(&in.Public, "public", false, "a client that cannot keep a secret")
	clientFlags(cmd, &settings)
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
