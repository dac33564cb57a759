#!/usr/bin/env bash
# Evaluate on several processes, one for each GPU; without a GPU they use gloo.
#
#   tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of tools/test.py]
#
# Several nodes: as tools/dist_train.sh.
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,6p' "$0" >&2; exit 2; }
config=$1 checkpoint=$2 gpus=$3; shift 3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/launch.sh"
launch "$gpus" "$here/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
