#!/usr/bin/env bash
# Builds a folder of a trained network and all that belongs to it, and uploads it: ./share.sh SNAPSHOT [flags of src/share.py]
#
# snapshots/breakout_77.pkl becomes shared/breakout_77/. Nothing is uploaded without --push OWNER/NAME.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

[[ -n ${1:-} ]] || show_usage './share.sh SNAPSHOT [flags], for example ./share.sh snapshots/breakout_77.pkl'
requirements=(requirements.txt)
for word in "$@"; do
  [[ $word != --push && $word != --push=* ]] || requirements=(requirements.txt requirements-share.txt)
done
find_python "${requirements[@]}"
run share.py "$@"
