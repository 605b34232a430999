# Sourced by the scripts of the top folder, which set `root` to that folder first.
#
# `run main.py ARGUMENTS` replaces the shell by Python with everything in requirements.txt. That Python is
#   1. $PYTHON, or else the active environment (venv, conda), if it has everything that is required;
#   2. <root>/.venv otherwise. environment.py makes it on first use, with $PYTHON if that is set.
# Written for bash 3.2 (macOS) and later. Standard output belongs to the Python program alone.
# shellcheck shell=bash
: "${root:?}"
python='' # until it is found
# The trained network that plays where none is named
pretrained=$root/snapshots/pretrained/pong.safetensors

# Even where the line cannot be written (2>&-), the exit status says what it would have said.
show_usage() {
  echo "usage: $*; --help names the flags" >&2 || true
  exit 2
}

fail() {
  echo "error: $*" >&2 || true
  exit 2
}

# Whether $1 is a Python that we support. A name on PATH is no proof: a pyenv shim exists and does not run.
supported() {
  "$1" -IS -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
    </dev/null >/dev/null 2>&1
}

# Whether .venv was made from the requirement files "$@" as they are now. environment.py writes a file of
# the same name into .venv when pip is done with it: the Python's version and the text that was installed.
# Comparing them here spares every later start a run of environment.py.
is_up_to_date() {
  local version file
  [[ -x $root/.venv/bin/python && ! -e $root/.venv/unfinished ]] || return 1
  version=$("$root/.venv/bin/python" --version 2>/dev/null) || return 1
  for file in "$@"; do
    [[ -f $root/.venv/$file ]] || return 1
    [[ $(<"$root/.venv/$file") == "# $version"$'\n'"$(<"$root/$file")" ]] || return 1
  done
}

# Sets `python` to an interpreter that has what the requirement files "$@" (names in $root) ask for.
find_python() {
  local own='' environment=${VIRTUAL_ENV:-${CONDA_PREFIX:-}} candidate
  if [[ -n ${PYTHON:-} ]]; then
    own=$PYTHON
    supported "$own" || fail "PYTHON=$own is not Python 3.10 to 3.13: name another one, or unset PYTHON"
  elif [[ -n $environment && ! $environment -ef $root/.venv ]]; then
    own=$environment/bin/python
  elif is_up_to_date "$@"; then
    python=$root/.venv/bin/python
    return
  elif [[ -d $root/.venv && ! -e $root/.venv/requirements.txt && ! -e $root/.venv/unfinished ]]; then
    own=$root/.venv/bin/python # not made by us, so it is the user's, and treated as an active one
  fi
  if [[ -n $own ]] && supported "$own"; then
    python=$("$own" "$root/scripts/environment.py" --take "$@") || exit
    return
  fi
  for candidate in python3.13 python3.12 python3.11 python3.10 python3 python; do
    # Debian ships Python without ensurepip, and then it can make no environment.
    if supported "$candidate" && "$candidate" -IS -c 'import ensurepip, venv' </dev/null 2>/dev/null; then
      python=$("$candidate" "$root/scripts/environment.py" "$@") || exit
      return
    fi
  done
  fail "found no Python 3.10 to 3.13 that can make an environment: install one" \
    "(on Debian and Ubuntu: apt install python3-venv), or name it: PYTHON=/path/to/python"
}

# Whether the flags "$@", or an argument file among them, ask for Gymnasium, which is an optional part.
asks_for_gym() {
  local word before=''
  for word in "$@"; do
    case "$before $word" in
      --environment' '[gG][yY][mM] | *' '--environment=[gG][yY][mM]) return 0 ;;
      *' '@?*)
        [[ -e ${word#@} ]] && word=${word#@} || word=$root/${word#@}
        ! grep -Eqi '^[^#]*--environment[ =]gym([[:space:]]|$)' "$word" 2>/dev/null || return 0
        ;;
    esac
    before=$word
  done
  return 1
}

# Whether the flags "$@" name a network on the hub, whose client is an optional part.
asks_for_hub() {
  local word
  for word in "$@"; do
    case $word in
      hf:* | --load_weights=hf:*) return 0 ;;
    esac
  done
  return 1
}

# Sets `name` to what the files of the snapshot $1 are called: its own name without ending, or that of its
# repository on the hub (hf:OWNER/NAME@REVISION/FILE).
name_snapshot() {
  name=${1##*/}
  name=${name%.*}
  if [[ $1 == hf:* ]]; then
    name=${1#hf:*/}
    name=${name%%[@/]*}
  fi
}

# Whether the arguments "$@" are flags alone, or nothing, so that the network that came with the program plays.
plays_pretrained() {
  case ${1--} in # nothing counts as a flag
    -h | --help | --load_weights | --load_weights=*) return 1 ;;
    -*) ;;
    *) return 1 ;;
  esac
  [[ -f $pretrained ]]
}

run() {
  local program=$root/src/$1 requirements=(requirements.txt)
  shift
  ! asks_for_gym "$@" || requirements+=(requirements-gym.txt)
  ! asks_for_hub "$@" || requirements+=(requirements-share.txt)
  [[ -n $python ]] || find_python "${requirements[@]}"
  exec "$python" "$program" "$@"
}
