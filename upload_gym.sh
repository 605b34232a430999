#!/usr/bin/env bash
# The original's command, which uploaded to OpenAI's site: ./upload_gym.sh RESULTS_FOLDER [flags of src/share.py]
#
# That site is gone. The scores that ./test_gym.sh left in results/Breakout-v5, say, are shared by ./share.sh.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

case ${1:-} in
  '' | @*) show_usage './upload_gym.sh RESULTS_FOLDER [flags], for example ./upload_gym.sh results/Breakout-v5' ;;
  -*) ;;
  *) echo "The site of OpenAI's Gym is gone: ./share.sh shares networks on the Hugging Face hub" >&2 || true ;;
esac
exec "$root/share.sh" "$@"
