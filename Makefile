# scripts/setup.py does each job, so that Windows, which has no make, has the same jobs.
# Pass arguments to the command behind a job in ARGS:  make report ARGS="overdue --as-of 2026-01-31"

ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 6))' >/dev/null 2>&1 && { echo $$p; break; }; done)
endif
JOB = $(if $(PYTHON),$(PYTHON),$(error No Python on PATH. Install Python 3.11 or newer and try again)) scripts/setup.py

.DEFAULT_GOAL := help
.PHONY: help report test test-spark test-long site coverage differential desk lint law evaluate bench pictures lock env clean
.NOTPARALLEL:

help:  ## list the jobs
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s%s\n", $$1, $$2 }'

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

law:  ## write the pages that are made from the rules and tables (law, tables, letters, history, balance)
	@$(JOB) law $(ARGS)

evaluate:  ## precision and recall of the free-text reasons
	@$(JOB) evaluate $(ARGS)

bench:  ## time it against other ways to do the same (ARGS="--quick", "--full")
	@$(JOB) bench $(ARGS)

pictures:  ## make the README's pictures again
	@$(JOB) pictures $(ARGS)

lock:  ## write requirements.lock again (needs uv; ARGS=--upgrade for newer versions)
	@$(JOB) lock $(ARGS)

env:  ## only make the environment, .venv
	@$(JOB) env

clean:  ## remove .venv and the caches; keep reports and data
	@$(JOB) clean
