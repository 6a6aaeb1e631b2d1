#!/usr/bin/env bash
# Runs every fuzz test of the two shipped modules for the given count each.
set -euo pipefail
time=${1:-100000x}
for file in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz' || true); do
  case $file in interop/*|bench/*|tools/*) continue ;; esac
  for name in $(grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" | cut -d' ' -f2); do
    echo "fuzz $(dirname "$file") $name"
    go test "./$(dirname "$file")" -run '^$' -fuzz "^$name\$" -fuzztime "$time" >/tmp/jotward-fuzz.log 2>&1 || { cat /tmp/jotward-fuzz.log; exit 1; }
  done
done
