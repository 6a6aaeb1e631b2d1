#!/usr/bin/env bash
# Installs with apt and npm what the tests want and the machine lacks, where it
# may. What cannot be installed is only said: its tests then skip, and say so too.
set -u
cd "$(dirname "$0")/.."
need=()
command -v chromium >/dev/null 2>&1 || need+=(chromium)
command -v npm >/dev/null 2>&1 || need+=(npm)
if [ ${#need[@]} != 0 ]; then
  if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    apt-get update -qq >/dev/null 2>&1
    for p in "${need[@]}"; do DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$p" >/dev/null 2>&1 || echo "setup: $p could not be installed: its tests will skip"; done
  else
    echo "setup: missing and not installed (needs root and apt): ${need[*]}: their tests will skip"
  fi
fi
if [ ! -e interop/browser/node_modules/axe-core/axe.min.js ]; then
  (cd interop/browser && npm install --silent >/dev/null 2>&1) || echo "setup: npm install in interop/browser failed: the browser's tests will skip"
fi
exit 0
