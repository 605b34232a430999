#!/usr/bin/env bash
# Reports scores over games and seeds, from CSV files alone: ./report.sh PATH... [flags of src/report.py]
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

[[ -n ${1:-} ]] || show_usage './report.sh PATH... [flags], for example ./report.sh results/sweeps/pong'
run report.py "$@"
