#!/usr/bin/env bash
# Goes on training from a snapshot: ./resume.sh SNAPSHOT [flags of src/main.py]
#
# snapshots/breakout_fast_77.pkl goes on after epoch 77 with snapshots/breakout_fast_78.*, and writes its
# statistics to results/breakout_fast_77.csv, beside those of the first run.
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
[[ -f $snapshot ]] || fail "there is no snapshot $snapshot: name one that exists; those of ./train.sh are in $root/snapshots"

name=${snapshot##*/}
name=${name%.*}
with_epoch='^(.+)_([0-9]+)$'
if [[ $name =~ $with_epoch ]]; then
  name=${BASH_REMATCH[1]}
  epoch=${BASH_REMATCH[2]}
else
  # A renamed snapshot: the epoch is what the user says it is.
  epoch='' previous=''
  for flag in "$@"; do
    [[ $previous != --start_epoch ]] || epoch=$flag
    [[ $flag != --start_epoch=* ]] || epoch=${flag#*=}
    previous=$flag
  done
  [[ $epoch =~ ^[0-9]+$ ]] ||
    fail "the name of $snapshot does not end in _<epoch>: say after which epoch to go on, with --start_epoch NUMBER"
fi

run main.py --load_weights "$snapshot" --start_epoch "$epoch" \
  --save_weights_prefix "$root/snapshots/$name" --csv_file "$root/results/${name}_$epoch.csv" "$@"
