#!/usr/bin/env bash
# Runs every fuzz test of the shipped modules, and those that hold the library to
# its peers, for the given count each. Two at a time with one worker each: most of
# a short run is building.
set -euo pipefail
export time=${1:-100000x}
one() {
  module=$1 folder=$2 name=$3 log=$(mktemp)
  cd "$module"
  [ "$module" = . ] || export GOWORK=off
  code=0
  go test "./$folder" -run '^$' -fuzz "^$name\$" -fuzztime "$time" -parallel 1 >"$log" 2>&1 || code=1
  echo "fuzz $module/$folder $name"
  [ $code = 0 ] || cat "$log"
  rm -f "$log"
  return $code
}
export -f one
for file in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz' || true); do
  module=. folder=$(dirname "$file")
  case $file in interop/*) module=interop folder=${folder#interop/} ;; esac
  for name in $(grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" | cut -d' ' -f2); do
    echo "$module $folder $name"
  done
done | xargs -P 2 -L 1 bash -c 'set -euo pipefail; one "$@" || exit 1' fuzz
