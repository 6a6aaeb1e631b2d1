#!/usr/bin/env bash
# Installs with apt and npm what the tests want and the machine lacks, where it
# may. What cannot be installed is only said: its tests then skip, and say so too.
set -u
cd "$(dirname "$0")/.."
# again tries a command three times: a mirror may be busy.
again() { for _ in 1 2 3; do "$@" >/dev/null 2>&1 && return 0; sleep 3; done; return 1; }
need=()
command -v chromium >/dev/null 2>&1 || need+=(chromium)
command -v npm >/dev/null 2>&1 || need+=(npm)
command -v jose >/dev/null 2>&1 || need+=(jose)
command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1 || need+=(redis-server)
{ command -v ip && command -v tc; } >/dev/null 2>&1 || need+=(iproute2)
command -v strace >/dev/null 2>&1 || need+=(strace)
if [ ${#need[@]} != 0 ]; then
  if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    again apt-get update -qq
    for p in "${need[@]}"; do again env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$p" || echo "setup: $p could not be installed: its tests will skip"; done
  else
    echo "setup: missing and not installed (needs root and apt): ${need[*]}: their tests will skip"
  fi
fi
for f in browser/node_modules/axe-core openid/node_modules/openid-client peers/node_modules/jose peers/node_modules/@sd-jwt/core; do
  [ -e "interop/$f" ] || (cd "interop/${f%%/*}" && again npm install --silent) || echo "setup: npm install in interop/${f%%/*} failed: its tests will skip"
done
exit 0
