#!/usr/bin/env bash
# Profiles the training of a network: every move is random, so that prediction does not count.
#
# ./profile_train.sh [flags of src/main.py]; the functions that took longest come first. It plays Pong, as
# the original did; with several actors, only what this process does is seen.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

find_python requirements.txt
exec "$python" -m cProfile -s cumtime "$root/src/main.py" roms/pong.bin --exploration_rate_end 1 --random_steps 50 --train_steps 5000 --test_steps 0 --epochs 1 --train_frequency 1 --target_steps 0 "$@"
