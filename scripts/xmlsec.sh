#!/usr/bin/env bash
# What the signed XML files are verified with in the tests: Debian's xmlsec1, installed where it is missing and may be.
# Where there is none, the test says so and is skipped; in CI that is a failure.
set -euo pipefail

if ! command -v xmlsec1 >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "scripts/xmlsec.sh: installing Debian's xmlsec1"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends xmlsec1; } >/dev/null ||
    echo "scripts/xmlsec.sh: apt-get cannot install xmlsec1" >&2
fi

if ! command -v xmlsec1 >/dev/null; then
  echo "scripts/xmlsec.sh: there is no xmlsec1: the signed XML files were NOT verified with it" >&2
  [ "${CI:-}" != true ]
fi
