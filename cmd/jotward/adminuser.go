package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/jotward/jotward/internal/server/admin"
)

func userCommand() *cobra.Command {
	f := new(adminFlags)
	return f.group("user", "Manage people",
		f.lister("list", "List users", "/admin/v1/users", "username"),
		f.byID("show", "Show an account", "GET", "/admin/v1/users/%s"),
		userCreate(f), userUpdate(f), userPassword(f), userRoles(f),
		f.byID("delete", "Delete an account with its sessions and grants, and revoke its tokens", "DELETE", "/admin/v1/users/%s"),
		f.byID("disable", "Shut an account, and end its sessions and grants", "POST", "/admin/v1/users/%s/disable"),
		f.byID("enable", "Open an account again; what was ended stays ended", "POST", "/admin/v1/users/%s/enable"))
}

// readPassword reads a password that no command line and no terminal shows.
func readPassword(cmd *cobra.Command, from string) (string, error) {
	if in, ok := cmd.InOrStdin().(*os.File); ok && from == "-" && term.IsTerminal(int(in.Fd())) {
		fmt.Fprint(cmd.ErrOrStderr(), "password: ")
		text, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		return string(text), err
	}
	text, err := readSecret(cmd, from, "--password")
	return strings.TrimRight(string(text), "\r\n"), err
}

func userCreate(f *adminFlags) *cobra.Command {
	var in admin.NewUser
	var from string
	cmd := &cobra.Command{Use: "create USERNAME", Short: "Make an account", Args: exactArgs(1, "a user name"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in.Username = args[0]
			if in.Password, err = readPassword(cmd, from); err != nil {
				return err
			}
			return f.call(cmd, "POST", "/admin/v1/users", in)
		}}
	cmd.Flags().StringVar(&from, "password", "-", "the password: FILE, - or env:NAME")
	cmd.Flags().StringVar(&in.Email, "email", "", "the e-mail address")
	cmd.Flags().StringVar(&in.Name, "name", "", "the full name")
	cmd.Flags().StringSliceVar(&in.Roles, "role", []string{}, "the roles")
	cmd.Flags().StringSliceVar(&in.Permissions, "permission", []string{}, "the permissions")
	return cmd
}

func userUpdate(f *adminFlags) *cobra.Command {
	var in admin.UserSettings
	cmd := &cobra.Command{Use: "update ID", Short: "Change what the flags name, and nothing else", Args: exactArgs(1, "an id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := fill("/admin/v1/users/%s", args)
			answer, etag, err := f.send(cmd, "GET", path, nil, "")
			if err != nil {
				return err
			}
			var is admin.UserSettings
			if err := json.Unmarshal(answer, &is); err != nil {
				return err
			}
			if cmd.Flags().Changed("name") {
				is.Name = in.Name
			}
			if cmd.Flags().Changed("email") {
				is.Email = in.Email
			}
			if answer, _, err = f.send(cmd, "PUT", path, is, etag); err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(answer)
			return err
		}}
	cmd.Flags().StringVar(&in.Email, "email", "", "the e-mail address")
	cmd.Flags().StringVar(&in.Name, "name", "", "the full name")
	return cmd
}

func userPassword(f *adminFlags) *cobra.Command {
	var from string
	cmd := &cobra.Command{Use: "password ID", Short: "Replace the password, and end everything signed in with the old one", Args: exactArgs(1, "an id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := readPassword(cmd, from)
			if err != nil {
				return err
			}
			return f.call(cmd, "PUT", fill("/admin/v1/users/%s/password", args), admin.UserPassword{Password: password})
		}}
	cmd.Flags().StringVar(&from, "password", "-", "the password: FILE, - or env:NAME")
	return cmd
}

func userRoles(f *adminFlags) *cobra.Command {
	var in admin.UserRoles
	cmd := &cobra.Command{Use: "roles ID", Short: "Replace all roles and permissions, and revoke tokens with the old ones", Args: exactArgs(1, "an id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.call(cmd, "PUT", fill("/admin/v1/users/%s/roles", args), in)
		}}
	cmd.Flags().StringSliceVar(&in.Roles, "role", []string{}, "the roles")
	cmd.Flags().StringSliceVar(&in.Permissions, "permission", []string{}, "the permissions")
	return cmd
}
