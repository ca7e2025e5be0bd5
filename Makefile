# Each job is done by scripts/setup.py, so that Windows, which has no make, has the same jobs.
# Words for the command behind a job go in ARGS:  make report ARGS="overdue --as-of 2026-01-31"

ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 6))' >/dev/null 2>&1 && { echo $$p; break; }; done)
endif
JOB = $(if $(PYTHON),$(PYTHON),$(error No Python on PATH. Install Python 3.11 or newer and try again)) scripts/setup.py

.DEFAULT_GOAL := help
.PHONY: help report test test-spark test-long site coverage differential desk lint law evaluate bench pictures lock env clean
.NOTPARALLEL:

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s%s\n", $$1, $$2 }'

report:  ## set up, and make the batch reports on the sample data
	@$(JOB) report $(ARGS)

test:  ## set up, and pass every test
	@$(JOB) test $(ARGS)

test-spark:  ## set up, and pass the tests on Spark (needs Java 17 or newer)
	@$(JOB) test-spark $(ARGS)

test-long:  ## set up, and pass the long tests of the desk in a browser (about half an hour)
	@$(JOB) test-long $(ARGS)

site:  ## build the documentation site into site/
	@$(JOB) site $(ARGS)

coverage:  ## pass every test and measure what they run; fails below the floor in pyproject.toml
	@$(JOB) coverage $(ARGS)

differential:  ## compare every format and engine on 500 rounds of random exports
	@$(JOB) differential $(ARGS)

desk:  ## open the desk in the browser (ARGS=--lab: in JupyterLab)
	@$(JOB) desk $(ARGS)

lint:  ## ruff check, ruff format --check, pyright, import directions
	@$(JOB) lint $(ARGS)

law:  ## write docs/law.md, docs/tables.md and docs/letters.md anew from the rules and tables on file
	@$(JOB) law $(ARGS)

evaluate:  ## precision and recall of the free-text reasons
	@$(JOB) evaluate $(ARGS)

bench:  ## time it beside other ways to do the same (ARGS="--quick", "--full")
	@$(JOB) bench $(ARGS)

pictures:  ## take the README's pictures anew
	@$(JOB) pictures $(ARGS)

lock:  ## write requirements.lock anew (needs uv; ARGS=--upgrade takes newer versions)
	@$(JOB) lock $(ARGS)

env:  ## only make the environment, .venv
	@$(JOB) env

clean:  ## remove .venv and the caches; reports and data stay
	@$(JOB) clean
