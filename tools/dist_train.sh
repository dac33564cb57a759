#!/usr/bin/env bash
# Train on several processes, one for each GPU; without a GPU they use gloo.
#
#   tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
#
# Several nodes: the same command on each, with
#   NNODES=2 NODE_RANK=0|1 MASTER_ADDR=<address of node 0> [PORT=29500]
# Alone on a node the port is chosen freely, so that several trainings fit one machine.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,8p' "$0" >&2; exit 2; }
config=$1 gpus=$2; shift 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/launch.sh"
launch "$gpus" "$here/train.py" "$config" --launcher pytorch "$@"
