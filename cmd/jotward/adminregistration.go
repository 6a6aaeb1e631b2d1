package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/server/admin"
)

func registrationCommand() *cobra.Command {
	f := new(adminFlags)
	return f.group("registration", "Let clients register themselves",
		registrationCreate(f),
		f.lister("list", "List initial access tokens", "/admin/v1/registration_tokens"),
		f.byID("delete", "Take an initial access token back; clients that it let in stay", "DELETE", "/admin/v1/registration_tokens/%s"))
}

func registrationCreate(f *adminFlags) *cobra.Command {
	var in admin.NewRegistrationToken
	var life time.Duration
	cmd := &cobra.Command{Use: "create", Short: "Make an initial access token (RFC 7591), with which clients register; it is shown once", Args: exactArgs(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			in.ExpiresIn = int64(life / time.Second)
			return f.call(cmd, "POST", "/admin/v1/registration_tokens", in)
		}}
	cmd.Flags().IntVar(&in.Uses, "uses", 1, "how many clients may register with it, at most 1000")
	cmd.Flags().DurationVar(&life, "lifetime", 24*time.Hour, "how long it holds, at most a year")
	return cmd
}
