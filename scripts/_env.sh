# Sourced by the other scripts: changes to the repository root, prepares .venv, explains failures.
# shellcheck shell=bash

set -euo pipefail
unset CDPATH
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# pip's settings may choose the package index, but not where packages are installed.
unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT
export PIP_USER=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONNOUSERSITE=1

step=""       # name of the current step, to explain a failure
log=$(mktemp) # output of the quiet steps
trap 'explain_exit $?' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

begin() { # MESSAGE: print and remember the name of the next step
    step=$1
    : >"$log"
    printf '==> %s\n' "$step" >&2
}

explain_exit() { # STATUS: on failure, print which step failed and what to do
    local status=$1
    if ((status != 0)) && [[ -n $step ]]; then
        printf '\nFAILED (exit code %d): %s\n' "$status" "$step"
        if [[ -s $log ]]; then
            echo "The last lines of its output:"
            tail -n 15 "$log" | sed 's/^/    /'
        fi
        printf 'What to do: %s\n' "$(advice "$status")"
    fi >&2
    rm -f "$log"
}

advice() { # STATUS
    if (($1 == 130 || $1 == 143)); then
        echo "it was interrupted; run the same command again (without --overwrite) to go on."
    elif grep -qiE 'no space left|disk quota' "$log"; then
        echo "the disk is full: free some GB (or point TMPDIR at a larger disk) and run the same command again."
    elif grep -qiE 'ensurepip|No module named .?venv' "$log"; then
        echo "install Python's venv module (on Debian and Ubuntu: apt install python3-venv) and run the same command again."
    elif grep -qiE 'connection|timed out|name resolution|proxy|SSL|no matching distribution' "$log"; then
        echo "pip could not fetch a package: check the network and pip's settings (pip config list), then run the same command again."
    else
        echo "the message above says what went wrong; after mending it, run the same command again."
    fi
}

is_recent_python() { # COMMAND: succeed if the command is Python 3.11 or newer
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3.14 python3 python; do
        if is_recent_python "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "No Python 3.11 or newer was found on PATH. Install it with the venv module" \
        "(on Debian and Ubuntu: apt install python3.11 python3.11-venv) and run the same command again." >&2
    return 1
}

make_venv() {
    local python
    python=$(find_python) || { step=""; exit 1; }
    begin "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv >"$log" 2>&1
}

venv_works() { # pip writes INSTALLER last: if it is missing, pip is half installed
    is_recent_python .venv/bin/python && compgen -G '.venv/lib/python3*/site-packages/pip-*.dist-info/INSTALLER' >/dev/null
}

forget_half_installed() { # else pip would count packages of an interrupted run as installed
    local info
    for info in .venv/lib/python3*/site-packages/*.dist-info; do
        [[ -s $info/INSTALLER ]] || rm -rf "$info"
    done
}

# Install this package into .venv, editable, with the versions in constraints.txt. A stamp file in .venv records
# what was installed, so that nothing is done until that changes.
everything=".[dev,ctranslate2,ja,ko,transformers]"
prepare_environment() { # WHAT: "." or $everything, which adds test tools and extras, and includes "."
    local wanted installed="" start=$SECONDS
    wanted=$(pwd && cksum <pyproject.toml && cksum <scripts/constraints.txt)
    venv_works || make_venv
    [[ ! -f .venv/.installed ]] || installed=$(<.venv/.installed)
    if [[ $installed == "$wanted $1" || $installed == "$wanted $everything" ]]; then
        return
    fi

    begin "Installing packages into .venv (PyTorch is large: some minutes the first time)"
    rm -f .venv/.installed
    forget_half_installed
    .venv/bin/python -m pip install --quiet -c scripts/constraints.txt -e "$1" >"$log" 2>&1
    echo "$wanted $1" >.venv/.installed
    begin "Environment ready in $((SECONDS - start)) s"
}
