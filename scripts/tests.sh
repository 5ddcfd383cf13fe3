#!/usr/bin/env bash
# The tests of both languages, at once: most of them wait for disks and for other processes. What the Python client's have
# to say is printed when both are over.
set -uo pipefail
# Job control: what a shell without it starts in the background ignores Ctrl-C, and tests of Ctrl-C with it.
set -m
cd "$(dirname "$0")/.."

said=$(mktemp)
trap 'rm -f "$said"' EXIT
bash scripts/python.sh >"$said" 2>&1 </dev/null &
python=$!
trap 'kill -- "-$python" 2>/dev/null' INT TERM

vitest run
typescript=$?
wait "$python"
status=$?
cat "$said"
exit $((typescript != 0 ? typescript : status))
