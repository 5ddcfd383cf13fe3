#!/bin/sh
# A CI job that works with licensed software: it waits for a token, holds it while it works, and gives it back.
#
#     export SEATKEEPER_URL=… SEATKEEPER_ISV=… SEATKEEPER_KEY=… SEATKEEPER_LICENSE=…
#     ./render.sh
set -eu

# Of the project's own packages: with --no, npx never fetches what somebody else has put under that name, and gives it the key.
# Where there is no npx, or another place for the command: SEATKEEPER=/opt/seatkeeper/bin/seatkeeper ./render.sh
seatkeeper=${SEATKEEPER:-npx --no -- seatkeeper}

# A user of its own for each job: two jobs of one user would share one token, and a restarted job finds its own again.
user="ci-${CI_JOB_ID:-$$}"

status=0
$seatkeeper run --user "$user" --wait "${WAIT:-10m}" -- sh -c '
  echo "rendering with session $SEATKEEPER_SESSION_ID"
  echo "one frame" > frame.txt
' || status=$?

# 75: every token was in use all the time, and the same job may succeed later. Others are the job's own, or lasting.
case $status in
  0) echo "rendered" ;;
  75) echo "no token in time: try again later" ;;
  *) echo "failed with status $status" ;;
esac
exit $status
