#!/usr/bin/env bash
# Runs every fuzz test of the shipped modules, and those that hold the library to
# its peers, for the given count each.
set -euo pipefail
time=${1:-100000x}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for file in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz' || true); do
  module=. folder=$(dirname "$file")
  case $file in interop/*) module=interop folder=${folder#interop/} ;; esac
  for name in $(grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" | cut -d' ' -f2); do
    echo "fuzz $(dirname "$file") $name"
    (cd $module && { [ $module = . ] || export GOWORK=off; } &&
      go test "./$folder" -run '^$' -fuzz "^$name\$" -fuzztime "$time") >"$log" 2>&1 || { cat "$log"; exit 1; }
  done
done
