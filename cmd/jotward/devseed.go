package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/console"
	"github.com/jotward/jotward/internal/reason"
)

// devSecrets are what dev keeps beside its database, readable by its owner
// alone, so that `--data` shows the same secrets at every start. A service keeps
// no such file: it stores hashes.
type devSecrets struct {
	MasterKey    string `json:"master_key"`
	AdminToken   string `json:"admin_token"`
	Password     string `json:"password"`
	ClientSecret string `json:"client_secret"`
	EdgeSecret   string `json:"edge_secret"`
	Ports        []int  `json:"ports,omitempty"`
	path         string
}

func openSecrets(data string) (*devSecrets, error) {
	v := &devSecrets{path: filepath.Join(data, "dev.json")}
	text, err := os.ReadFile(v.path)
	if err == nil {
		if err := json.Unmarshal(text, v); err != nil {
			return nil, fmt.Errorf("%s: %w: remove the folder to begin anew", v.path, err)
		}
		return v, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key := make([]byte, 32)
	rand.Read(key)
	v.MasterKey, v.AdminToken, v.Password = hex.EncodeToString(key), rand.Text()+rand.Text(), rand.Text()
	return v, v.save()
}

// save replaces the file whole: without its master key the database is lost, so
// no end of the process may leave half of it.
func (v *devSecrets) save() error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	next := v.path + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(next, v.path)
}

// listenAgain opens a listener on loopback for each usual port. The port of the run
// before comes first: the issuer's address stands in every token, and what was
// kept is of no use at another. One that is taken is replaced by a free one.
func (d *dev) listenAgain(v *devSecrets, usual []int) (listeners []net.Listener, urls []string, err error) {
	ports := make([]int, len(usual))
	for i := range usual {
		try := []int{usual[i], 0}
		if len(v.Ports) == len(usual) {
			try = append([]int{v.Ports[i]}, try...)
		}
		l, err := firstFree(try)
		if err != nil {
			for _, open := range listeners {
				_ = open.Close() // nothing was served on it
			}
			return nil, nil, err
		}
		ports[i] = l.Addr().(*net.TCPAddr).Port
		listeners, urls = append(listeners, l), append(urls, "http://"+l.Addr().String())
	}
	if len(v.Ports) == len(usual) && v.Ports[0] != ports[0] {
		d.log.Warn("the issuer's port is taken: tokens of the run before do not hold at another address", "port", v.Ports[0], "now", ports[0])
	}
	v.Ports = ports
	return listeners, urls, v.save()
}

func firstFree(ports []int) (l net.Listener, err error) {
	for _, port := range ports {
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// seed makes the demo account and clients, unless they were kept.
func (d *dev) seed(s *story, v *devSecrets) error {
	system := audit.Actor{Kind: "system", ID: "dev"}
	_, err := d.issuer.accounts.Create(d.ctx, system, account.New{Username: s.Username, Name: "Alice Example", Email: "alice@example.com", Password: s.Password, Roles: []string{"user", console.Role}})
	if err != nil && !errors.Is(err, reason.New(reason.Conflict, nil)) {
		return err
	}
	scopes := []string{"openid", "profile", "email", s.Scope}
	for _, c := range []struct {
		client.Client
		secret *string
	}{
		{client.Client{ID: s.ClientID, Name: "Demo service", GrantTypes: []string{"client_credentials", "authorization_code", "refresh_token"}, RedirectURIs: []string{s.RedirectURI}, Scopes: scopes, Audiences: []string{s.Audience}}, &v.ClientSecret},
		{client.Client{ID: s.PublicClientID, Name: "Demo app", Public: true, GrantTypes: []string{"authorization_code", "refresh_token"}, RedirectURIs: []string{s.RedirectURI}, Scopes: scopes, Audiences: []string{s.Audience}}, new(string)},
		{client.Client{ID: "dev-edge", Name: "The edge", GrantTypes: []string{"client_credentials"}, Scopes: []string{"jotward:feed"}, Audiences: []string{"jotward:edge"}}, &v.EdgeSecret},
	} {
		_, text, err := d.issuer.clients.Create(d.ctx, system, c.Client)
		if errors.Is(err, reason.New(reason.Conflict, nil)) {
			if err = nil; !c.Public && *c.secret == "" { // made, but its secret was not kept: a start that was cut off
				text, err = d.issuer.clients.RotateSecret(d.ctx, system, c.ID, 0, 0)
			}
		}
		if err != nil {
			return fmt.Errorf("dev: client %s: %w", c.ID, err)
		}
		if text != "" {
			*c.secret = text
		}
	}
	s.ClientSecret = v.ClientSecret
	return v.save()
}
