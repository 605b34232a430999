#!/usr/bin/env bash
# Converts a snapshot between .pkl or .prm and .safetensors, or another library's network to one of them:
# ./convert.sh SNAPSHOT|sb3:FILE|cleanrl:FILE|dqn_zoo:FILE OUTPUT
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

[[ -n ${1:-} ]] || show_usage './convert.sh SNAPSHOT OUTPUT, for example ./convert.sh snapshots/breakout_77.pkl breakout_77.safetensors'
run convert.py "$@"
