# make demo     install, generate data, train, evaluate, draw; one table at the end
# make test     install, then the whole test suite
#               STACK=onedl: the other line of OpenMMLab; OPS=compiled: mmcv with its compiled operators
# make lint     ruff and mypy
# make wheel-test  build the wheel, install it into a fresh environment, use it from another folder
# make doctor   what is installed, what is wrong, and the fix
# make setup    only the installation (PYTHON=..., TORCH=..., CLEAN=1)
# make tables   the READMEs' tables of measured numbers, from the metafiles

STACK ?= stock
OPS ?= wheels
VENV ?= .venv$(if $(filter onedl,$(STACK)),-onedl)$(if $(filter compiled,$(OPS)),-compiled)
SETUP = STACK=$(STACK) OPS=$(OPS) VENV=$(VENV) bash tools/setup_env.sh
PY = $(VENV)/bin/python
WORKERS ?= 2

.PHONY: demo test lint wheel-test doctor setup tables
demo:
	@$(SETUP)
	@$(PY) -m mmseg_plugins demo $(ARGS)

test:
	@$(SETUP) tests
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

lint:
	@$(SETUP) lint
	@$(PY) -m ruff check .
	@$(PY) -m mypy

wheel-test:
	@$(SETUP)
	@PYTHON=$(abspath $(PY)) bash tools/wheel_test.sh

doctor:
	@if [ -x $(PY) ]; then $(PY) tools/doctor.py; else python3 tools/doctor.py; fi

setup:
	@$(SETUP)
	@$(PY) tools/doctor.py

tables:
	@$(PY) -m mmseg_plugins results tables
	@$(PY) -m mmseg_plugins results index
