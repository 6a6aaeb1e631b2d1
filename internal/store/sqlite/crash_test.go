package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/store/sqlite"
)

// families is how many applications refresh at once while the process dies.
const families = 4

// crashes plays one database through many ends of the process that writes it.
type crashes struct {
	*house
	clients map[string]string // id -> secret, as acknowledged
	revoked map[string]bool   // jti, as acknowledged
	newest  [families]string  // the last refresh token that each family was given
	before  [families]string  // the one that it was given for
}

// The process is killed in the middle of refreshes, of clients being made and
// of tokens being revoked. Whatever was acknowledged is there afterwards, the
// log is gapless, no token is valid twice, and who was not answered asks again.
func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	c := &crashes{house: newHouse(t), clients: map[string]string{}, revoked: map[string]bool{}}
	for i := range c.newest {
		c.newest[i] = c.redeem("read").RefreshToken
	}
	app := c.app
	for range 12 {
		c.ok(c.store.Close())
		c.killed(1 + rand.IntN(60))
		c.house = openHouse(t, c.path, c.master) // the lock went with the process
		c.app = app
		c.everythingIsThere()
		for i := range c.newest {
			c.honestRetry(i)
		}
	}
	// The retries above took nothing from the defence: after the grace it is theft.
	c.pass(time.Minute)
	_, err := c.refresh(c.before[0])
	c.want(err, reason.RefreshReused)
	_, err = c.refresh(c.newest[0])
	c.want(err, reason.RefreshInvalid)
	_, err = c.refresh(c.newest[1])
	c.ok(err)
}

// killed starts a process that writes, kills it (SIGKILL) after some
// acknowledgements, while others are on their way, and notes all that it said.
func (c *crashes) killed(after int) {
	c.Helper()
	cmd := exec.CommandContext(c.Context(), os.Args[0], "-test.run=^TestCrashingProcess$", "-test.count=1")
	cmd.Env = append(os.Environ(), "JOTWARD_TEST_CRASH="+strings.Join(append([]string{c.path, hex.EncodeToString(c.master)}, c.newest[:]...), "\n"))
	out, err := cmd.StdoutPipe()
	c.ok(err)
	c.ok(cmd.Start())
	lines := bufio.NewScanner(out)
	n := 0
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) == 0 {
			continue
		}
		switch f[0] {
		case "client":
			c.clients[f[1]] = f[2]
		case "revoked":
			c.revoked[f[1]] = true
		case "refreshed":
			i := int(f[1][0] - '0')
			c.before[i], c.newest[i] = c.newest[i], f[2]
		default:
			c.Fatalf("the process said: %s", lines.Text())
		}
		switch n++; n {
		case 1:
			if _, err := sqlite.Open(c.Context(), c.path); !errors.Is(err, sqlite.ErrInUse) {
				c.Errorf("two processes on one database: %v", err)
			}
		case after + 1:
			c.ok(cmd.Process.Kill())
		}
	}
	if err := cmd.Wait(); err == nil || n <= after {
		c.Fatalf("the process ended by itself after %d acknowledgements", n)
	}
}

func (c *crashes) everythingIsThere() {
	c.Helper()
	for id, secret := range c.clients {
		if _, err := c.house.clients.Authenticate(c.Context(), client.Credentials{ID: id, Secret: secret}); err != nil {
			c.Fatalf("client %s was acknowledged: %v", id, err)
		}
	}
	for jti := range c.revoked {
		if gone, err := c.store.TokenRevoked(c.Context(), jti); err != nil || !gone {
			c.Fatalf("the revocation of %s was acknowledged: %v %v", jti, gone, err)
		}
	}
	_, head, err := c.store.RevocationHead(c.Context())
	c.ok(err)
	log, err := c.store.RevocationsAfter(c.Context(), 0, 1<<20)
	c.ok(err)
	if uint64(len(log)) != head || head > 0 && log[head-1].Seq != head {
		c.Fatalf("the log has %d entries and its head is %d", len(log), head)
	}
	db, err := sql.Open("sqlite", c.path)
	c.ok(err)
	defer db.Close()
	for query, want := range map[string]string{
		`PRAGMA integrity_check`: "ok",
		// One living token in each family, and none whose successor is not there.
		`SELECT count(*) || ' ' || count(DISTINCT grant_id) FROM refresh_tokens WHERE spent = 0`:                                           fmt.Sprintf("%d %d", families, families),
		`SELECT count(*) FROM refresh_tokens a WHERE spent > 0 AND NOT EXISTS (SELECT 1 FROM refresh_tokens b WHERE b.hash = a.successor)`: "0",
		// Every act with its entry, and no entry without its act.
		`SELECT (SELECT count(*) FROM refresh_tokens WHERE spent > 0) - (SELECT count(*) FROM audit WHERE action = 'refresh.rotate')`: "0",
		`SELECT (SELECT count(*) FROM clients) - (SELECT count(*) FROM audit WHERE action = 'client.create')`:                         "0",
		`SELECT (SELECT count(*) FROM revocations) - (SELECT count(*) FROM audit WHERE action = 'token.revoke')`:                      "0",
	} {
		var got string
		c.ok(db.QueryRowContext(c.Context(), query).Scan(&got))
		if got != want {
			c.Fatalf("%s: %s, want %s", query, got, want)
		}
	}
}

// honestRetry asks again with the last token that the family knows of, twice:
// whether it had been spent or not, there is one successor.
func (c *crashes) honestRetry(i int) {
	c.Helper()
	first, err := c.refresh(c.newest[i])
	c.ok(err)
	again, err := c.refresh(c.newest[i])
	c.ok(err)
	if first.RefreshToken != again.RefreshToken || first.RefreshToken == c.newest[i] {
		c.Fatal("one token had two successors")
	}
	if c.before[i] != "" {
		_, err := c.refresh(c.before[i])
		c.want(err, reason.RefreshSuperseded)
	}
	c.before[i], c.newest[i] = c.newest[i], first.RefreshToken
}

// TestCrashingProcess is the process that TestKilledProcessLosesNothing kills.
func TestCrashingProcess(t *testing.T) {
	told := strings.Split(os.Getenv("JOTWARD_TEST_CRASH"), "\n")
	if len(told) != 2+families {
		return // this process is not the one to be killed
	}
	master, err := hex.DecodeString(told[1])
	if err != nil || !filepath.IsAbs(told[0]) {
		t.Fatal(err)
	}
	h := openHouse(t, told[0], master)
	h.grants.Observe, h.grants.Minter.Minted = nil, nil
	h.app, err = h.clients.Get(t.Context(), "app")
	h.ok(err)
	var mu sync.Mutex
	work := func(what string, act func(ctx context.Context) (string, error)) {
		for {
			said, err := act(context.Background())
			mu.Lock()
			if err != nil {
				what, said = "failed", err.Error()
			}
			fmt.Println(what, said)
			mu.Unlock()
		}
	}
	for i, token := range told[2:] {
		go work(fmt.Sprint("refreshed ", i), func(context.Context) (string, error) {
			out, err := h.refresh(token)
			token = out.RefreshToken
			return token, err
		})
	}
	go work("revoked", func(ctx context.Context) (string, error) {
		jti := fmt.Sprint("jti-", rand.Uint64())
		return jti, h.grants.RevokeTokenID(ctx, h.root, jti)
	})
	work("client", func(ctx context.Context) (string, error) {
		made, secret, err := h.clients.Create(ctx, h.root, client.Client{Audiences: []string{"api"}})
		return made.ID + " " + secret, err
	})
}
