#!/usr/bin/env bash
# Everything about the Python client: lint, format, types, tests, and that it installs. In an environment of its own,
# python/.venv, which is made when it is missing or when a file that it follows from has changed.
# Needs node on PATH and server/dist built: npm test does both.
set -euo pipefail
cd "$(dirname "$0")/../python"

lacking() {
  echo "scripts/python.sh: $1: the Python client was NOT checked" >&2
  [ "${CI:-}" != true ] || exit 1
  exit 0
}

command -v python3 >/dev/null || lacking "there is no python3"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || lacking "python3 is older than 3.10"

# Debian has venv in a package of its own.
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "scripts/python.sh: installing Debian's python3-venv"
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv; } >/dev/null ||
      lacking "apt-get cannot install python3-venv"
  fi
  python3 -c 'import venv, ensurepip' 2>/dev/null || lacking "python3 has no venv (Debian: apt-get install python3-venv)"
fi

# One at a time: another run may be making the environment.
if command -v flock >/dev/null; then
  exec 9<requirements-dev.txt
  flock 9
fi

bin=$PWD/.venv/bin
stamp=$({ python3 -VV; cat requirements-dev.txt pyproject.toml; } | sha256sum)
if [ "$(cat .venv/stamp 2>/dev/null)" != "$stamp" ]; then
  rm -rf .venv
  python3 -m venv .venv
  "$bin/pip" install -q --disable-pip-version-check -r requirements-dev.txt ||
    lacking "pip cannot install python/requirements-dev.txt"
  "$bin/pip" install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
  echo "$stamp" >.venv/stamp
fi

"$bin/ruff" check . ../examples/python
"$bin/ruff" format --check . ../examples/python
"$bin/mypy" --strict src tests ../examples/python
"$bin/pytest" "$@"

# A wheel, as `pip install ./python` makes it, and that what it installs works without the tests' environment.
trial=$(mktemp -d)
trap 'rm -rf "$trial"' EXIT
"$bin/pip" wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w "$trial" .
"$bin/pip" install -q --disable-pip-version-check --no-deps --target "$trial/site" "$trial"/seatkeeper-*.whl
test -f "$trial/site/seatkeeper/py.typed"
(cd "$trial" && PYTHONPATH=$trial/site "$bin/python" -c '
import seatkeeper
assert "site/seatkeeper" in seatkeeper.__file__, seatkeeper.__file__
print("seatkeeper", seatkeeper.__version__, "installs from its wheel")')
