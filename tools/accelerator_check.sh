#!/usr/bin/env bash
# Tests, speed and memory on a machine with an accelerator: one JSON file, at most 8 minutes.
#
#   tools/accelerator_check.sh [WHEELS] [--device cuda|cpu] [--quick] [--minutes 8] [--out accelerator.json]
#
# WHEELS (default ./wheels) is a folder of wheels carried along; no network is used.  torch is that of the machine.
# Fill the folder elsewhere:  pip download -d wheels -r requirements.txt pytest
# Environment: PYTHON=python3  VENV=.venv-accelerator (an existing one is used as it is)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
begin=$SECONDS
wheels=wheels
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then wheels=$1; shift; fi
PYTHON=${PYTHON:-python3} VENV=${VENV:-.venv-accelerator}

if [ ! -x "$VENV/bin/python" ]; then
  "$PYTHON" -c 'import torch' 2>/dev/null || { echo "accelerator: $PYTHON has no torch. Fix: PYTHON=... with torch" >&2; exit 2; }
  [ -d "$wheels" ] || { echo "accelerator: no folder $wheels. Fix: pip download -d $wheels -r requirements.txt pytest" >&2; exit 2; }
  "$PYTHON" -m venv --system-site-packages "$VENV"
  "$VENV/bin/python" -m pip install -q --no-index --find-links "$wheels" -r requirements.txt pytest
fi
limit=480
for argument in "$@"; do
  [ "${before:-}" = --minutes ] && limit=$(awk "BEGIN { print int(60 * $argument) }")
  before=$argument
done
left=$((limit - SECONDS + begin))
[ "$left" -gt 30 ] || { echo "accelerator: installing took $((SECONDS - begin)) s, nothing is left of $limit s" >&2; exit 1; }
minutes=$(awk "BEGIN { print ($left - 10) / 60 }")
# The last option wins; the outer limit ends a part that hangs, and the file keeps those before it.
PYTHONPATH=$PWD timeout "$left" "$VENV/bin/python" -W ignore -m mmseg_plugins.benchmark.accelerator "$@" --minutes "$minutes"
