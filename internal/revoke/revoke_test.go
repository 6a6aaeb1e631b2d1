package revoke

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var at = time.Unix(1700000000, 0)

func entry(seq uint64, k Kind, id string) Entry {
	e := Entry{Seq: seq, Kind: k, ID: id, Expires: at.Add(time.Hour), At: at, Reason: "requested"}
	if k == KindSubject || k == KindClient {
		e.Version = 3
	}
	return e
}

func TestRejectFolder(t *testing.T) {
	files, _ := filepath.Glob("testdata/reject/*.json")
	if len(files) < 5 {
		t.Fatal("no cases")
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(data); !errors.Is(err, ErrWire) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	good, err := Message{Issuer: "i", ID: "1", IssuedAt: at, Batch: &Batch{Log: "l", Seq: 1, Entries: []Entry{entry(1, KindClient, "c")}}}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			return
		}
		if _, err := m.Encode(); err != nil {
			t.Fatalf("accepted, yet not encoded: %v", err)
		}
	})
}

func TestViewGaps(t *testing.T) {
	v := new(View)
	if err := v.Apply(&Batch{Log: "a", Seq: 1, Entries: []Entry{entry(1, KindToken, "t")}}); !errors.Is(err, ErrLog) {
		t.Fatal(err)
	}
	if err := v.Replace([]Snapshot{{Log: "a", Seq: 5, Part: 1, Parts: 1}}, at, at); err != nil {
		t.Fatal(err)
	}
	epoch := v.Epoch()
	six := &Batch{Log: "a", After: 5, Seq: 6, Entries: []Entry{entry(6, KindToken, "t")}}
	for _, c := range []struct {
		b    *Batch
		want error
	}{{&Batch{Log: "a", After: 6, Seq: 7, Entries: []Entry{entry(7, KindToken, "x")}}, ErrGap}, {six, nil}, {six, nil},
		{&Batch{Log: "b", After: 6, Seq: 7, Entries: []Entry{entry(7, KindToken, "x")}}, ErrLog}} {
		if err := v.Apply(c.b); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.b, err)
		}
	}
	if v.Epoch() != epoch+1 {
		t.Error("a duplicate moved the epoch, or the batch did not")
	}
	if err := v.Replace([]Snapshot{{Log: "a", Seq: 4, Part: 1, Parts: 1}}, at, at); !errors.Is(err, ErrBack) {
		t.Error(err)
	}
	if _, yes := v.Check(&Subject{TokenID: "t"}); !yes {
		t.Error("not revoked")
	}
	v.Forget(at.Add(2 * time.Hour))
	if _, yes := v.Check(&Subject{TokenID: "t"}); yes {
		t.Error("not forgotten")
	}
}

func TestCheckKinds(t *testing.T) {
	for _, k := range kinds {
		v := new(View)
		if err := v.Replace([]Snapshot{{Log: "a", Seq: 1, Part: 1, Parts: 1, Entries: []Entry{entry(1, k, "x")}}}, at, at); err != nil {
			t.Fatal(err)
		}
		s := map[Kind]Subject{KindToken: {TokenID: "x"}, KindGrant: {GrantID: "x"}, KindSession: {SessionID: "x"}, KindKey: {KeyID: "x"},
			KindSubject: {Subject: "x", SubjectVersion: 2}, KindClient: {ClientID: "x", ClientVersion: 2}}[k]
		if code, yes := v.Check(&s); !yes || string(code) != string(k)+"_revoked" {
			t.Errorf("%s: %s %v", k, code, yes)
		}
		s.SubjectVersion, s.ClientVersion = 3, 3
		if _, yes := v.Check(&s); yes && (k == KindSubject || k == KindClient) {
			t.Errorf("%s: the new version is revoked too", k)
		}
	}
	if v := new(View); !v.Stale(at, time.Hour) {
		t.Error("a view that heard nothing is fresh")
	}
}
