#!/usr/bin/env bash
# Installs with apt what the tests want and the machine lacks, where it may.
# What cannot be installed is only said: its tests then skip, and say so too.
set -u
need=()
command -v chromium >/dev/null 2>&1 || need+=(chromium)
[ ${#need[@]} = 0 ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  apt-get update -qq >/dev/null 2>&1
  for p in "${need[@]}"; do apt-get install -y -qq "$p" >/dev/null 2>&1 || echo "setup: $p could not be installed: its tests will skip"; done
else
  echo "setup: missing and not installed (needs root and apt): ${need[*]}: their tests will skip"
fi
exit 0
