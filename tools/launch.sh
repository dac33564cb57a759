# Sourced by dist_train.sh and dist_test.sh: one torchrun command for all of them.

launch() { # processes on this node, script, arguments...
  local processes=$1; shift
  local python=${PYTHON:-python}
  local where=(--standalone)
  if [ "${NNODES:-1}" != 1 ]; then
    where=(--nnodes="$NNODES" --node-rank="${NODE_RANK:?set NODE_RANK, 0 to NNODES - 1}"
           --master-addr="${MASTER_ADDR:?set MASTER_ADDR, the address of node 0}" --master-port="${PORT:-29500}")
  fi
  exec "$python" -m torch.distributed.run "${where[@]}" --nproc-per-node="$processes" "$@"
}
