#!/usr/bin/env bash
# Build the wheel, install it into a fresh environment, and use it from another folder, as somebody without a clone would.
#
#   tools/wheel_test.sh        (make wheel-test calls it)     PYTHON=python3.11  KEEP=1 leaves the folder
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-$project/.venv/bin/python}
there=$(mktemp -d)
[ "${KEEP:-0}" = 1 ] || trap 'rm -rf "$there"' EXIT
unset PYTHONPATH
step() { echo "wheel test: $*"; }

step 'building'
mkdir "$there/source"
(cd "$project" && git ls-files -z --cached --others --exclude-standard | tar --null --files-from - --create) | tar --extract --directory "$there/source"
"$python" -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --wheel-dir "$there/dist" "$there/source"
rm -rf "$there/source"

step 'installing with the dependencies that it declares'
"$python" -m venv "$there/venv"
bin=$there/venv/bin
"$bin/python" -m pip --disable-pip-version-check install --quiet -c "$project/requirements/tested-stock.txt" "$there"/dist/*.whl
if ! "$bin/python" -c 'import cv2' 2>/dev/null; then # no libGL on a machine without a display
  "$bin/python" -m pip --disable-pip-version-check uninstall --quiet --yes opencv-python
  "$bin/python" -m pip --disable-pip-version-check install --quiet --force-reinstall --no-deps opencv-python-headless
fi

mkdir "$there/elsewhere"
cd "$there/elsewhere"
step 'list'
"$bin/mmseg-plugins" list > list.txt
grep -q panet_r18-path_1500it_shapes list.txt
step 'convert-data'
"$bin/mmseg-plugins" convert-data shapes --out-dir data/shapes --train 16 --val 4 --size 64 > log.txt 2>&1 || { cat log.txt; exit 1; }
for name in $("$bin/python" -c 'from mmseg_plugins.config.shipped import shipped_models; print(*shipped_models())'); do
  step "predict $name"
  "$bin/mmseg-plugins" predict "$name" data/shapes/val/000001.jpg --out-dir "$name" > log.txt 2>&1 || { cat log.txt; exit 1; }
  [ -s "$name/overlays/000001.jpg" ] || { find "$name"; exit 1; }
done
cat > mine.py <<'PY'
_base_ = 'mmseg_plugins::quickstart/panet_r18-path_1500it_shapes.py'
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
val_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
test_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
PY
for words in 'check-data mine.py' 'train mine.py --dry-run' \
             'train mine.py --work-dir run --cfg-options train_cfg.max_iters=2 train_cfg.val_interval=2'; do
  step "$words"
  "$bin/mmseg-plugins" $words > log.txt 2>&1 || { cat log.txt; exit 1; }
done
step 'predict'
"$bin/mmseg-plugins" predict run/mine.py run/iter_2.pth data/shapes/val --out-dir predictions > log.txt 2>&1 || { cat log.txt; exit 1; }
[ "$(find predictions -name '*.jpg' -o -name '*.png' | wc -l)" -ge 4 ] || { find predictions; exit 1; }
step 'mmdet'"'"'s own inferencer'
"$bin/python" -W ignore -m mmseg_plugins.ops.install > /dev/null
"$bin/python" -W ignore -c "
from mmdet.apis import DetInferencer
found = DetInferencer('run/mine.py', 'run/iter_2.pth', device='cpu', show_progress=False)
assert found.model.roi_head.bbox_head.num_classes == 5
" > log.txt 2>&1 || { cat log.txt; exit 1; }
step 'passed'
