#!/usr/bin/env bash
# The browser in which the TypeScript client is tested: Debian's chromium, installed where it is missing and may be. Where
# there is none, the test says so and is skipped; in CI that is a failure.
set -euo pipefail

if [ ! -x /usr/bin/chromium ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "scripts/chromium.sh: installing Debian's chromium"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium; } >/dev/null ||
    echo "scripts/chromium.sh: apt-get cannot install chromium" >&2
fi

if [ ! -x /usr/bin/chromium ]; then
  echo "scripts/chromium.sh: there is no /usr/bin/chromium: the client was NOT tested in a browser" >&2
  [ "${CI:-}" != true ]
fi
