#!/usr/bin/env bash
# Profiles the prediction of moves: none is random.
#
# ./profile_test.sh [flags of src/main.py]; the functions that took longest come first. It plays Pong, as
# the original did; with several actors, only what this process does is seen.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

find_python requirements.txt
exec "$python" -m cProfile -s cumtime "$root/src/main.py" roms/pong.bin --exploration_rate_test 0 --random_steps 0 --train_steps 0 --test_steps 10000 --epochs 1 "$@"
