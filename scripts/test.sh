#!/usr/bin/env bash
# Every check of the project: formatting, lint, types, tests.
#
# Usage: bash scripts/test.sh [--all] [PYTEST ARGUMENTS...]
#   --all         also the slow tests, which train models; and report the test coverage
#   -h, --help    show this text
# With arguments for pytest (paths from the repository root, -k WORD, --pdb ...) the tests run in one process.
set -euo pipefail

selection=() # pyproject.toml excludes the slow tests
coverage=()  # measuring coverage doubles the time of the tests
case ${1:-} in
    --all)
        selection=(-m "")
        coverage=(--cov --cov-report term-missing)
        shift
        ;;
    -h | --help)
        sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit
        ;;
esac

# shellcheck source=scripts/_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
prepare_environment "$everything"

if (($# == 0)); then # all tests: in parallel, with one thread per process, to not oversubscribe the cores
    export OMP_NUM_THREADS=1
    set -- --numprocesses auto --maxprocesses 4 ${coverage[@]+"${coverage[@]}"}
fi

status=0
passed=()
failed=()
check() { # NAME MODULE ARGUMENTS...: run one check; the first failure decides the exit code
    local name=$1 code=0
    shift
    begin "$name"
    .venv/bin/python -m "$@" || code=$?
    if ((code == 0)); then
        passed+=("$name")
    else
        failed+=("$name")
        ((status != 0)) || status=$code
    fi
}

check "Formatting (ruff format --check)" ruff format --check .
check "Lint (ruff check)" ruff check .
check "Types (mypy)" mypy
[[ ${#passed[@]} == 0 ]] || printf 'passed: %s\n' "${passed[@]}" >&2
[[ ${#failed[@]} == 0 ]] || printf 'FAILED: %s\n' "${failed[@]}" >&2
check "Tests (pytest)" pytest ${selection[@]+"${selection[@]}"} "$@"

step="" # each check has printed its own failure
if ((status != 0)); then
    printf 'FAILED: %s\n' "${failed[@]}" >&2
fi
exit $status
