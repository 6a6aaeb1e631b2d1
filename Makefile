# The two commands that do all the set-up are `go run ./cmd/jotward dev` and `make test`.
GO ?= go
# The library in modules of its own, for what they require.
EXTENSIONS = jose/mldsa jose/grpcbearer
.PHONY: test cover lint bench jwx4 fuzz build mutants docs setup

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/jotward ./cmd/jotward

setup:
	@tools/setup.sh

# test passes all tests of every module; what could not run is said at the end.
test: setup bin/testsum
	@{ $(GO) test -json ./...; for m in jose $(EXTENSIONS) interop tools; do (cd $$m && GOWORK=off $(GO) test -json ./...); done; } 2>&1 | bin/testsum $(if $(JOTWARD_CI),-strict)

# cover fails when the library's tests reach less than 95 % of its statements.
cover:
	@cd jose && profile=$$(mktemp) && GOWORK=off $(GO) test -coverprofile="$$profile" -coverpkg=./... ./... >/dev/null && \
	GOWORK=off $(GO) tool cover -func="$$profile" | awk '/^total:/{print "jose: " $$3 " of statements are reached by tests"; exit $$3+0 < 95}'; code=$$?; rm -f "$$profile"; exit $$code

bin/testsum: tools/testsum/main.go
	cd tools && GOWORK=off $(GO) build -o ../bin/testsum ./testsum

lint:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "gofmt: $$bad"; exit 1; fi
	$(GO) vet ./... && cd jose && $(GO) vet ./...
	@n=$$(cd jose && GOWORK=off $(GO) list -m all | wc -l); if [ "$$n" != 1 ]; then echo "jose: go list -m all prints $$n lines, it must print one"; exit 1; fi
	cd tools && GOWORK=off $(GO) build -o ../bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	bin/staticcheck ./... && cd jose && ../bin/staticcheck ./...
	for m in $(EXTENSIONS); do (cd $$m && GOWORK=off $(GO) vet ./... && GOWORK=off ../../bin/staticcheck ./...) || exit 1; done

# race watches all code but SQLite's, which is translated from C and takes five times as long when
# it is watched: its own locks are its affair.
race:
	$(GO) test -race -gcflags='modernc.org/sqlite/lib=-race=false' ./...
	for m in jose $(EXTENSIONS); do (cd $$m && GOWORK=off $(GO) test -race ./...) || exit 1; done

# bench prints the whole table, and then jwx v4 with what it is compared with, for it has
# another encoding/json. JOTWARD_GOALS=1 with -run Goals is for a machine that others use.
bench:
	cd bench && GOWORK=off $(GO) test -run '^$$' -bench . -benchtime 300ms -count 6 -timeout 30m ./...
	cd bench && GOWORK=off GOEXPERIMENT=jsonv2 $(GO) test -run '^$$' -bench '^Benchmark(Raw|Jotward|JWX4|)(Sign|Encrypt|Decrypt|)$$' -benchtime 300ms -count 6 -timeout 30m .

# jwx4 has jwx v4 as a peer, which builds under an experiment of Go alone.
jwx4:
	cd bench && GOWORK=off GOEXPERIMENT=jsonv2 $(GO) vet .
	cd interop && GOWORK=off GOEXPERIMENT=jsonv2 $(GO) test ./peers -run /jwx4

# fuzz runs every fuzz test for FUZZTIME: a count, because a time can end a run with
# "context deadline exceeded" although nothing was found.
FUZZTIME ?= 100000x
fuzz:
	@tools/fuzz.sh $(FUZZTIME)

# mutants removes one check after another and demands that its test fails; ONLY='edge-*' are some of them.
ONLY ?= *
mutants:
	@cd tools && GOWORK=off $(GO) build -o ../bin/mutate ./mutate
	@bin/mutate '$(ONLY)'

# docs writes every generated page of docs/reference.
docs:
	JOTWARD_UPDATE_DOCS=1 $(GO) test ./internal/reason ./cmd/jotward -run TestDocsCurrent
