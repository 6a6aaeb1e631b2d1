#!/usr/bin/env bash
# Applies each patch in mutants/ to a copy of the tree and runs the test that
# its first line names. A mutant that its test lets pass has survived: the run
# fails. A patch that no longer applies or compiles fails too.
#
# Form of a patch: a line `# test: ./package -run ^TestName$`, then the diff.
set -euo pipefail
top=$(git rev-parse --show-toplevel)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git -C "$top" ls-files -z | (cd "$top" && xargs -0 tar cf - ) | tar xf - -C "$copy"
cd "$copy"
git init -q . && git add -A && git -c user.name=mutants -c user.email=mutants@localhost commit -qm base
killed=0 survived=0
for patch in mutants/*.patch; do
  [ -e "$patch" ] || continue
  spec=$(sed -n 's/^# test: //p' "$patch" | head -n 1)
  if [ -z "$spec" ]; then echo "mutant $patch names no test"; survived=$((survived + 1)); continue; fi
  if ! git apply --recount --unidiff-zero "$patch" 2>/tmp/jotward-mutant.log && ! git apply --recount "$patch" 2>/tmp/jotward-mutant.log; then
    echo "mutant $patch does not apply"; survived=$((survived + 1)); continue
  fi
  set -f; set -- $spec; set +f
  # The compiled test tells a build failure from a failing test.
  if ! go vet "$1" >/tmp/jotward-mutant.log 2>&1 && grep -qE 'declared and not used|imported and not used|undefined' /tmp/jotward-mutant.log; then
    echo "mutant $patch does not compile"; survived=$((survived + 1))
  elif go test "$@" -count=1 >/tmp/jotward-mutant.log 2>&1; then
    echo "SURVIVED $patch ($spec)"; survived=$((survived + 1))
  elif grep -q 'no tests to run' /tmp/jotward-mutant.log || grep -q 'build failed' /tmp/jotward-mutant.log; then
    echo "mutant $patch: its test did not run"; survived=$((survived + 1))
  else
    killed=$((killed + 1))
  fi
  git checkout -q -- . && git clean -qfd
done
echo "mutants: $killed killed, $survived survived"
[ "$survived" = 0 ] && [ "$killed" -gt 0 ]
