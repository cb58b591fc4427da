# Every target works alone on a fresh clone. The work is done by tools/book.py.
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help book site test coverage lint lab run lock clean

help:
	@$(PYTHON) tools/book.py help

book site test coverage lint lab clean:
	@$(PYTHON) tools/book.py $@

# For maintainers: make run, or make run ONLY="chapters/01-x/02-y.ipynb ..."
run:
	@$(PYTHON) tools/book.py run $(ONLY)

# make lock, or make lock HOLD="torch==2.13.0 ..." to keep single packages back
lock:
	@$(PYTHON) tools/book.py lock $(HOLD)
