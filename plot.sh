#!/usr/bin/env bash
# Draws the learning curves of one or more runs: ./plot.sh CSV... [flags of src/plot.py]
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

[[ -n ${1:-} ]] || show_usage './plot.sh CSV... [flags], for example ./plot.sh results/breakout.csv'
run plot.py "$@"
