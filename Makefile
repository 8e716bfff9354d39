# Everything runs from here; `make help` lists the targets. No target needs a network once the
# virtual environment is there.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help book test lab execute bench ladder site clean release grade feedback marks

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
	  || { echo "The pinned packages are for Python 3.11 to 3.14; '$(PYTHON)' is `$(PYTHON) --version 2>&1`. Try: make PYTHON=python3.13 book"; exit 1; }
	@echo "Setting up $(VENV): about 6.5 GB, most of it PyTorch; some minutes, once."
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "Could not make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install $(if $(CI),--quiet) --disable-pip-version-check -c constraints.txt -e '.[all]'
	@touch $@

book: site  ## build the site, serve it on 127.0.0.1 and open it in a browser
	@$(BIN)/python tools/serve.py --port $(PORT)

site: $(STAMP)  ## build the site into _build/html from the executed chapters
	@$(BIN)/python site/book.py
	@$(BIN)/python site/claims.py
	@$(BIN)/python -m sphinx -q -b html -c site -d _build/doctrees chapters _build/html
	@echo "Built _build/html/index.html"

test: $(STAMP)  ## lint, unit tests, every chapter, the site and its pages; says what takes how long
	@$(BIN)/python tools/run_tests.py $(ONLY)

lab: $(STAMP)  ## open the chapters in JupyterLab
	@$(BIN)/python -m jupyter lab --notebook-dir chapters

execute: $(STAMP)  ## run the chapters that changed and keep their outputs (ALL=1: all of them)
	@$(BIN)/python tools/execute_chapters.py $(if $(ALL),--all)

bench: $(STAMP)  ## measure speed beside other packages, into benchmarks/results.md (10 minutes)
	@$(BIN)/python benchmarks/run.py

ladder: $(STAMP)  ## repeat the experiment of chapter 7: all runs that are missing (hours)
	@$(BIN)/python tools/ladder.py

release: $(STAMP)  ## what students get of ASSIGNMENT=2_vq_layer, into assignments/release
	@$(BIN)/python tools/classroom.py release $(ASSIGNMENT)

grade: $(STAMP)  ## grade what lies in assignments/submitted of ASSIGNMENT=…, unless it was graded before
	@$(BIN)/python tools/classroom.py grade $(ASSIGNMENT)

feedback: $(STAMP)  ## a page for each graded submission of ASSIGNMENT=…
	@$(BIN)/python tools/classroom.py feedback $(ASSIGNMENT)

marks: $(STAMP)  ## all marks in one table, assignments/marks.csv
	@$(BIN)/python tools/classroom.py marks

clean:  ## remove what was built; the virtual environment stays
	rm -rf _build
