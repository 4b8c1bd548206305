# Every target sets up .venv by itself and leaves it alone while it is up to date.
# `make` or `make help` lists the targets and variables.

# Settings of a run, taken from make's command line only and not from environment variables: to some
# shells ENV is a start-up file, and NAME may be the computer's name.
ENV =
NAME =
RUN =
RUNS =
SEED =
ALGO =
SEEDS =
STEPS =
SWEEP =
SCALE =
PAPER =
ARGS =

WANDB ?= $(or $(WANDB_MODE),offline)
EXTRA ?=
PYTHON ?=
INSTALLER ?=

# make exports the variables of its command line to the commands, but the commands get these ones as
# arguments; and .venv holds all that its Python may import.
unexport ENV ALGO NAME RUN RUNS SEED SEEDS STEPS SWEEP SCALE PAPER ARGS PYTHONPATH PYTHONHOME
export PYTHON INSTALLER
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.cache/jax

# $(call flag,name,value): --name 'value', or nothing where there is no value.
quote = '$(subst ','\'',$(1))'
flag = $(if $(2),--$(1) $(call quote,$(2)))

# A run that goes on keeps its mode, unless WANDB is given.
WANDB_OPTION = $(if $(and $(RUN),$(filter file,$(origin WANDB))),,$(call flag,wandb,$(WANDB)))

RUN_PYTHON := .venv/bin/python
# All tests of a file run in one process, which keeps its compiled programs.
PYTEST := $(RUN_PYTHON) -m pytest -n logical --maxprocesses 4 --dist loadfile \
	--no-loadscope-reorder
STAMP := .venv/.stamp$(if $(EXTRA),-$(EXTRA))

# What targets take from make's command line. Anything else would be ignored in silence and is refused, but for
# environment variables, which are the commands' own: their names have an underscore, or stand in PASSED.
EVERY = EXTRA PYTHON INSTALLER
PASSED = PATH HOME SHELL TMPDIR LANG TERM COLUMNS LINES MAKEFLAGS
TAKEN_train = $(if $(RUN),RUN,ENV ALGO) SEEDS STEPS NAME WANDB ARGS
TAKEN_sweep = $(if $(RUN),RUN,ENV ALGO SWEEP) SEEDS STEPS NAME WANDB ARGS
TAKEN_eval = $(if $(RUNS),RUNS,RUN) ARGS
TAKEN_render = RUN SEED ARGS
TAKEN_replay = RUN SEED ARGS
TAKEN_report = RUN SEED ARGS
TAKEN_play = $(if $(RUN),RUN SEED,ENV) ARGS
TAKEN_sync = RUN ARGS
TAKEN_dashboard = RUN RUNS ARGS
TAKEN_paper = PAPER SCALE ARGS
TAKEN_pictures = RUN ARGS
TAKEN_list = ARGS
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(if $($(name)),$(name))))
GIVEN := $(foreach name,$(filter-out $(PASSED) $(EVERY),$(GIVEN)),$(if $(findstring _,$(name)),,$(name)))
ignored = $(if $(TAKEN_$(1)),$(filter-out $(TAKEN_$(1)),$(GIVEN)))
$(foreach goal,$(MAKECMDGOALS),$(if $(call ignored,$(goal)),$(error $(call ignored,$(goal)) \
	would be ignored: make $(goal)$(if $(RUN)$(RUNS), of a run) takes $(sort $(TAKEN_$(goal)) $(EVERY)))))

.DEFAULT_GOAL := help
.PHONY: help install list train sweep eval render replay report play sync dashboard test test-all \
	test-slow test-newest coverage lint format types bench paper notebooks docs pictures lock clean need-run

help: ## List targets and variables
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  ENV=ssh       game          ALGO=lase       algorithm (lase)"
	@echo "  SEEDS=5       seeds         STEPS=1000000   environment steps per seed"
	@echo "  NAME=my-run   run's name    WANDB=offline   or online, disabled"
	@echo "  SWEEP='lr=1e-4,1e-3 delta=0,0.1'  what a sweep varies"
	@echo "  PAPER=lase    or jaques, lio, lola: the paper that is reproduced"
	@echo "  SCALE=cpu     or quick, full: size of its reproduction"
	@echo "  RUN=runs/x    run folder    SEED=0          which seed of it to animate"
	@echo "  ARGS='...'    anything else; ARGS=--help lists it, ARGS=--dry-run only says what a run needs"
	@echo "  EXTRA=cuda12  jax for an accelerator: cuda12, cuda13 or tpu (give it every time)"
	@echo "  PYTHON=...    the Python that makes .venv, 3.11 or newer"
	@echo "  INSTALLER=pip pip instead of uv, which is installed if missing"

$(STAMP): pyproject.toml $(wildcard requirements/*.txt)
	@tools/venv.sh $(EXTRA)
	@touch $@

install: $(STAMP) ## Set up .venv and nothing else
	@:

list: $(STAMP) ## List games with seats and steps, algorithms, presets and scripted seats
	@$(RUN_PYTHON) -m lase_jax.cli list $(ARGS)

train: $(STAMP) ## Train, e.g. make train ENV=ssh SEEDS=5; with RUN=runs/x continue that run
	@$(RUN_PYTHON) -m lase_jax.cli train $(if $(RUN),$(call flag,resume,$(RUN)), \
		$(call flag,env,$(ENV)) $(call flag,algo,$(ALGO))) \
		$(call flag,seeds,$(SEEDS)) $(call flag,steps,$(STEPS)) $(call flag,name,$(NAME)) \
		$(WANDB_OPTION) $(ARGS)

sweep: $(STAMP) ## Train many settings, e.g. make sweep ENV=ssh SWEEP="lr=1e-4,1e-3"; with RUN=runs/x continue that sweep
	@$(RUN_PYTHON) -m lase_jax.cli sweep $(if $(RUN),$(call flag,resume,$(RUN)), \
		$(call flag,env,$(ENV)) $(call flag,algo,$(ALGO)) $(call flag,sweep,$(SWEEP))) \
		$(call flag,seeds,$(SEEDS)) $(call flag,steps,$(STEPS)) $(call flag,name,$(NAME)) \
		$(WANDB_OPTION) $(ARGS)

need-run:
	@$(if $(RUN),:,$(error RUN is empty: name a run's folder, e.g. RUN=runs/ssh-lase))

eval: $(if $(RUNS),,need-run) $(STAMP) ## Evaluate a trained run, a table per agent; with RUNS="runs/x runs/y" let these play each other
	@$(RUN_PYTHON) -m lase_jax.cli $(if $(RUNS),crossplay $(foreach run,$(RUNS),$(call quote,$(run))), \
		eval $(call quote,$(RUN))) $(ARGS)

render: need-run $(STAMP) ## Animate a game of a run, e.g. make render RUN=runs/x SEED=0
	@$(RUN_PYTHON) -m lase_jax.cli render $(call quote,$(RUN)) $(call flag,seed,$(SEED)) $(ARGS)

sync: need-run $(STAMP) ## Send what a run or sweep has logged offline to W&B, e.g. make sync RUN=runs/x
	@$(RUN_PYTHON) -m lase_jax.cli sync $(call quote,$(RUN)) $(ARGS)

dashboard: $(if $(RUNS),,need-run) $(STAMP) ## Make a dashboard on W&B for RUN=runs/x, or for RUNS="runs/x runs/y"
	@$(RUN_PYTHON) -m lase_jax.cli dashboard $(if $(RUN),$(call quote,$(RUN))) \
		$(foreach run,$(RUNS),$(call quote,$(run))) $(ARGS)

replay: need-run $(STAMP) ## Write episodes of a run as a page to play and look into
	@$(RUN_PYTHON) -m lase_jax.cli replay $(call quote,$(RUN)) $(call flag,seed,$(SEED)) $(ARGS)

report: need-run $(STAMP) ## Write a run or sweep as a page: curves, tables, settings, replay
	@$(RUN_PYTHON) -m lase_jax.cli report $(call quote,$(RUN)) $(call flag,seed,$(SEED)) $(ARGS)

play: $(STAMP) ## Play yourself: make play ENV=ssh, or with the agents of a run: make play RUN=runs/x
	@$(RUN_PYTHON) -m lase_jax.cli play $(if $(RUN),$(call flag,run,$(RUN)) $(call flag,seed,$(SEED)), \
		$(call quote,$(if $(ENV),$(ENV),ssh))) $(ARGS)

test: $(STAMP) ## Run the tests
	@$(PYTEST) $(ARGS)

test-all: $(STAMP) ## Run these tests and the thorough ones: processes, devices, notebooks
	@$(PYTEST) -m "not (slow or newest)" $(ARGS)

test-slow: $(STAMP) ## Run the slow tests: those that learn, or train for long
	@$(PYTEST) -m slow $(ARGS)

test-newest: $(STAMP) ## Train with the newest dependencies, on every installed Python
	@$(RUN_PYTHON) -m pytest -m newest $(ARGS)

coverage: $(STAMP) ## Run the tests and report their code coverage
	@$(PYTEST) --cov $(ARGS)

lint: $(STAMP) ## Check style, formatting and types
	@$(RUN_PYTHON) -m ruff check
	@$(RUN_PYTHON) -m ruff format --check
	@$(RUN_PYTHON) -m pyright

format: $(STAMP) ## Format the code and fix what ruff can fix by itself
	@$(RUN_PYTHON) -m ruff check --fix
	@$(RUN_PYTHON) -m ruff format

types: $(STAMP) ## Check types
	@$(RUN_PYTHON) -m pyright

bench: $(STAMP) ## Measure speed; ARGS=roofline, scaling, device, growth, peers or goals for other benchmarks
	@$(RUN_PYTHON) -m experiments.bench $(ARGS)

paper: $(STAMP) ## Reproduce a paper: figures, tables and verdicts, e.g. make paper SCALE=quick
	@$(RUN_PYTHON) -m experiments.paper $(call flag,paper,$(PAPER)) $(call flag,scale,$(SCALE)) $(ARGS)

notebooks: $(STAMP) ## Execute the notebooks and keep their outputs
	@$(RUN_PYTHON) -m docs.notebooks

docs: $(STAMP) ## Build the documentation, docs/_build/html/index.html
	@$(RUN_PYTHON) -m sphinx -q -W --keep-going -b html docs docs/_build/html

pictures: $(STAMP) ## Draw the README's pictures; with RUN=runs/x its episode too
	@$(RUN_PYTHON) -m docs.pictures $(call flag,run,$(RUN)) $(ARGS)

lock: $(STAMP) ## Rewrite the lock files in requirements/ with the newest versions
	@tools/lock.sh

clean: ## Remove caches and built files; keep .venv and runs
	@rm -rf .cache .coverage .hypothesis .pytest_cache .ruff_cache build dist docs/_build docs/_generated
	@find . -path ./.venv -prune -o -name __pycache__ -prune -exec rm -rf {} +
