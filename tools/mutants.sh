#!/usr/bin/env bash
# Applies each patch in mutants/ to a copy of the tree and runs the test that
# its first line names. A mutant that its test lets pass has survived: the run
# fails. A patch that no longer applies or compiles fails too.
#
# Form of a patch: a line `# test: ./package -run ^TestName$`, then the diff.
# Usage: mutants.sh [PATTERN]: only patches whose name fits, such as 'jose-*'.
set -euo pipefail
top=$(git rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pattern=${1:-*}

# judge COPY PATCH says killed, or what is wrong.
judge() {
  local spec log
  cd "$1"
  log=$1.log
  spec=$(sed -n 's/^# test: //p' "$2" | head -n 1)
  if [ -z "$spec" ]; then echo "names no test: $2"; return; fi
  if ! git apply --recount "$2" 2>"$log"; then echo "does not apply: $2"; return; fi
  set -f; set -- "$2" $spec; set +f
  local run=(go test -vet=off -timeout 30s "${@:2}" -count=1)
  if [ -f "$2/go.mod" ]; then # a module outside the workspace
    run=(env -C "$2" GOWORK=off go test -vet=off -timeout 30s . "${@:3}" -count=1)
  fi
  if "${run[@]}" >"$log" 2>&1; then
    if grep -q 'no tests to run' "$log"; then echo "its test did not run: $1"; else echo "SURVIVED: $1"; fi
  elif grep -qE '\[(build|setup) failed\]|no test files' "$log"; then
    echo "does not compile: $1"; cat "$log"
  else
    echo "killed: $1"
  fi
  git checkout -q -- . && git clean -qfd
}

# Two copies at a time: each mutant compiles packages of its own.
workers=2
for w in $(seq $workers); do
  copy=$work/$w
  mkdir "$copy"
  git -C "$top" ls-files -z | (cd "$top" && xargs -0 tar cf -) | tar xf - -C "$copy"
  (cd "$copy" && git init -q . && git add -A && git -c user.name=mutants -c user.email=mutants@localhost commit -qm base)
  (
    n=0
    for patch in "$copy"/mutants/$pattern.patch; do
      n=$((n + 1))
      if [ $((n % workers)) = $((w % workers)) ]; then judge "$copy" "mutants/$(basename "$patch")"; fi
    done
  ) >"$work/said.$w" 2>&1 &
done
wait
cat "$work"/said.* | grep -v '^killed: ' || true
killed=$(cat "$work"/said.* | grep -c '^killed: ' || true)
total=$(ls "$top"/mutants/$pattern.patch | wc -l)
echo "mutants: $killed of $total killed"
[ "$killed" = "$total" ] && [ "$killed" -gt 0 ]
