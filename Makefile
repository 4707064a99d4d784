# Two commands: `make demo` shows what Escalera does, `make test` proves it. Both need only Python >= 3.11, make and a
# package index; they build .venv with the pinned versions of requirements/ and touch nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
SECURITY := .venv-security

.PHONY: demo test lint security lock clean help

help:
	@echo "make demo   30 days of a contact centre, without and with the daemon; writes demo-report.html and its register"
	@echo "make test   install what the tests need and run them all"
	@echo "make lint   ruff and mypy"
	@echo "make security   bandit, a scan for secrets, known vulnerabilities of what is pinned"
	@echo "make lock   compile requirements/ anew (maintainers)"

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Escalera needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.11 $(MAKECMDGOALS)") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): requirements/run.txt requirements/build.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements/build.txt -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q connector daemon.py  # saves a second at every start where Python may not write caches
	@touch $@

$(DEV_STAMP): requirements/dev.txt $(RUN_STAMP)
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(RUN_STAMP)
	$(BIN)/escalera demo --out demo-report.html

test: $(DEV_STAMP)
	$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# In an environment of its own: what it needs must not decide which versions the program is tested with.
$(SECURITY)/.installed: requirements/security.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m venv $(SECURITY)
	$(SECURITY)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

# Fakes in tests and docs are listed in .secrets.baseline; recorded figures and broken mappings are left out by size.
security: $(SECURITY)/.installed
	$(SECURITY)/bin/bandit -q -c pyproject.toml -r connector daemon.py
	git ls-files -z -- . ':!:requirements' ':!:tests/golden' ':!:*.json' ':!:*.csv' ':!:*.tsv' ':!:*.sql' ':!:.secrets.baseline' \
	  | xargs -0 $(SECURITY)/bin/detect-secrets-hook --baseline .secrets.baseline
	@# Advisories come from the network: where it gives none, that is said; a known vulnerability fails.
	@$(SECURITY)/bin/pip-audit --disable-pip --require-hashes -r requirements/run.txt >$(SECURITY)/audit.txt 2>&1 \
	  || { if grep -q '^Found [0-9]* known vulnerabilit' $(SECURITY)/audit.txt; then cat $(SECURITY)/audit.txt; exit 1; fi; \
	       echo "pip-audit: the advisories can't be reached from here; nothing was audited"; }
	@grep -c 'could not be audited' $(SECURITY)/audit.txt | sed 's/^/pip-audit: packages without an answer: /' || true

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q pyproject.toml --extra fleet --extra web --extra oncall -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q pyproject.toml --extra fleet --extra web --extra oncall --extra dev --extra notify -o requirements/dev.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q requirements/build.in -o requirements/build.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q requirements/security.in -o requirements/security.txt

clean:
	rm -rf $(VENV) $(SECURITY) .demo demo-report.html demo-report-register.xlsx .pytest_cache .mypy_cache .ruff_cache .hypothesis
