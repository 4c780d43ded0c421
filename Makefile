# The commands of README.md. Everything lives in .venv and in var/; `make clean` removes both.
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# Tests run in so many processes, each with servers of its own.
JOBS ?= 2
STAMP := $(VENV)/.installed

.PHONY: install demo demo-reset test fuzz lint screenshots words clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (minutes the first time; quiet) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Python cannot make virtual environments: on Debian, apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install -qq --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP)
	@exec $(BIN)/vetted demo $(if $(IMAGES),--images "$(IMAGES)") $(if $(WEIGHTS),--weights "$(WEIGHTS)") $(if $(ROUNDS),--rounds $(ROUNDS))

demo-reset: $(STAMP)
	@$(BIN)/vetted demo-reset

test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

# The tests that make up their input, with much more of it: about ten minutes.
fuzz: $(STAMP)
	VETTED_FUZZ=100 $(BIN)/python -m pytest tests/journeys/test_whole_api.py tests/pictures/test_fuzz.py $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy app workers models vetted bench
	$(BIN)/lint-imports

screenshots: $(STAMP)
	$(BIN)/python -m bench.screenshots

# Brings the catalogues of translations up to date with the texts in the code.
words: $(STAMP)
	$(BIN)/python -m bench.catalogues

clean:
	rm -rf $(VENV) var
