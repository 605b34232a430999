#!/usr/bin/env bash
# Tests a trained network: ./test.sh SNAPSHOT [flags of src/main.py]
#
# (The project's own tests are started by ./run_tests.sh.)
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

usage='./test.sh SNAPSHOT [flags], for example ./test.sh snapshots/breakout_77.pkl'
snapshot=${1:-}
case $snapshot in
  '' | @*) show_usage "$usage" ;;
  -*) run main.py "$@" ;;
esac
shift

run main.py --load_weights "$snapshot" --random_steps 0 --train_steps 0 --epochs 1 "$@"
