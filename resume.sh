#!/usr/bin/env bash
# Goes on training from a snapshot: ./resume.sh SNAPSHOT [flags of src/main.py]
#
# snapshots/breakout_fast_77.pkl goes on after epoch 77 with snapshots/breakout_fast_78.*, and writes its
# statistics to results/breakout_fast_77.csv, beside those of the first run. Its flags are those that the run
# had, unless they are given anew. snapshots/breakout_fast_78.25000.pkl, from within an epoch, goes on with that
# epoch from its beginning, by its weights and exploration rate.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

usage='./resume.sh SNAPSHOT [flags], for example ./resume.sh snapshots/breakout_77.pkl'
snapshot=${1:-}
case $snapshot in
  '' | @*) show_usage "$usage" ;;
  -*) run main.py "$@" ;;
esac
shift
[[ -f $snapshot || $snapshot == hf:* ]] || fail "there is no snapshot $snapshot: name one that exists; those of ./train.sh are in $root/snapshots"

name_snapshot "$snapshot"
with_epoch='^(.+)_([0-9]+)$'
if [[ $name =~ $with_epoch && $snapshot != hf:* ]]; then
  run main.py --load_weights "$snapshot" --start_epoch "${BASH_REMATCH[2]}" \
    --save_weights_prefix "$root/snapshots/${BASH_REMATCH[1]}" --csv_file "$root/results/$name.csv" "$@"
fi
# <run>_best, <run>_<epoch>.<step>, or a name of the user's own: the epoch is the one that the snapshot records.
label=${name%_best}
within_epoch='^(.+)_[0-9]+[.][0-9]+$'
[[ ! $name =~ $within_epoch ]] || label=${BASH_REMATCH[1]}
run main.py --load_weights "$snapshot" --start_epoch auto \
  --save_weights_prefix "$root/snapshots/$label" --csv_file "$root/results/$name.csv" "$@"
