#!/usr/bin/env bash
# Create the virtual environment and install one line of OpenMMLab into it.
#
#   tools/setup_env.sh [run|tests|lint]...     (make setup, make test, make lint call it)
#
# Environment: STACK=stock|onedl  VENV=.venv  PYTHON=python3.11  TORCH=torch==2.13.0  CLEAN=1
# Nothing is done when the same requirements are already installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

STACK=${STACK:-stock}
case $STACK in
  stock) VENV=${VENV:-.venv}; requirements=requirements.txt; setuptools='setuptools>=64,<81'; mmcv=mmcv ;;
  onedl) VENV=${VENV:-.venv-onedl}; requirements=requirements/onedl.txt; setuptools='setuptools>=80'; mmcv=onedl-mmcv ;;
  *) echo "STACK=$STACK is unknown. Fix: STACK=stock or STACK=onedl" >&2; exit 2 ;;
esac
constraints=requirements/tested-$STACK.txt
extras=("$@")
[ "${CLEAN:-0}" = 1 ] && rm -rf "$VENV"

fail() { echo "setup: $*" >&2; exit 1; }

find_python() { # the tested 3.11 first
  local name
  for name in ${PYTHON:-python3.11 python3.12 python3.10 python3}; do
    if "$name" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
      # Debian ships interpreters whose venv or headers are packages of their own.
      "$name" -c 'import ensurepip, sysconfig, os, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' 2>/dev/null \
        && { echo "$name"; return; }
      incomplete=$name
    fi
  done
  [ -n "${incomplete:-}" ] && fail "$incomplete lacks venv or its C headers. Fix: apt-get install python3-venv python3-dev"
  fail "no Python 3.10 to 3.12 found. Fix: install one, or name it: make setup PYTHON=/path/to/python3.11"
}

stamp() { cat "$requirements" "$constraints" setup.cfg tools/setup_env.sh | cksum | cut -d' ' -f1; }
done_mark() { echo "$VENV/.installed-$1-$2"; }

install_stack() {
  local python torch_there=
  if [ ! -x "$VENV/bin/python" ]; then
    python=$(find_python)
    command -v c++ >/dev/null || command -v g++ >/dev/null || fail "no C++ compiler for mmcv's operators. Fix: apt-get install g++"
    # A torch that the interpreter already has is used, whatever its build.
    "$python" -c 'import torch' 2>/dev/null && torch_there=--system-site-packages
    echo "setup: $VENV with $("$python" --version) ${torch_there:+and the torch it has}"
    "$python" -m venv $torch_there "$VENV"
  fi
  local pip=("$VENV/bin/python" -m pip --disable-pip-version-check --quiet)
  "${pip[@]}" install --upgrade pip "$setuptools" wheel ninja 'packaging>=24.2'
  if ! "$VENV/bin/python" -c 'import torch' 2>/dev/null; then
    echo 'setup: installing torch'
    "${pip[@]}" install "${TORCH:-$(grep '^torch==' "$constraints")}"
  fi
  # The torch that is there stays: hold it, and the tested versions of the rest.
  local held; held=$(mktemp)
  grep -v '^torch==' "$constraints" > "$held"
  "$VENV/bin/python" -c 'import torch; print("torch==" + torch.__version__)' >> "$held"
  # Without --no-build-isolation mmcv would not see torch and leave its operators out.
  echo "setup: installing $requirements; mmcv compiles its operators, about 10 to 20 minutes the first time"
  "${pip[@]}" install --no-build-isolation -r "$requirements" -c "$held"
  if ! "$VENV/bin/python" -W ignore -c 'import torch, mmcv._ext' 2>/dev/null; then
    echo 'setup: the cached mmcv was built for another torch; compiling it again'
    "${pip[@]}" install --no-build-isolation --no-cache-dir --force-reinstall --no-deps "$mmcv" -c "$held"
  fi
  rm -f "$held"
  if ! "$VENV/bin/python" -c 'import cv2' 2>/dev/null; then
    echo 'setup: OpenCV finds no libGL here; taking its headless build'
    "${pip[@]}" uninstall --yes opencv-python
    "${pip[@]}" install --force-reinstall --no-deps opencv-python-headless
  fi
  # setuptools warns of every editable installation.
  PYTHONWARNINGS=ignore "${pip[@]}" install --no-build-isolation --no-deps --editable .
}

install_once() { # name, command...
  local mark; mark=$(done_mark "$1" "$2"); shift 2
  [ -e "$mark" ] && return
  "$@"
  touch "$mark"
}

install_once stack "$(stamp)" install_stack
for extra in "${extras[@]:-}"; do
  case $extra in
    ''|run) ;;
    *) install_once "$extra" "$(cksum < "requirements/$extra.txt" | cut -d' ' -f1)" \
         "$VENV/bin/python" -m pip --disable-pip-version-check --quiet install -r "requirements/$extra.txt" ;;
  esac
done
