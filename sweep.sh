#!/usr/bin/env bash
# Trains games × seeds × variants, and resumes what is left of them: ./sweep.sh GAMES [flags of src/sweep.py]
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

[[ -n ${1:-} ]] || show_usage './sweep.sh GAMES [flags], for example ./sweep.sh breakout,pong --seeds 1-3 @presets/laptop.args'
run sweep.py "$@"
