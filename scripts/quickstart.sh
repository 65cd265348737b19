#!/usr/bin/env bash
# From a fresh checkout to a trained translator: install, train, score, translate, draw attention.
# A second run finds the finished model and takes seconds.
#
# Usage: bash scripts/quickstart.sh [--overwrite]
#   --overwrite   train again even if runs/quickstart is already trained
#   -h, --help    show this text
set -euo pipefail

overwrite=()
for option in "$@"; do
    case $option in
        --overwrite) overwrite=(--overwrite) ;;
        -h | --help)
            sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
            exit
            ;;
        *)
            echo "unknown option '$option'; see: bash scripts/quickstart.sh --help" >&2
            exit 2
            ;;
    esac
done

# shellcheck source=scripts/_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/_env.sh"

run=runs/quickstart
sentences=( # none of these is in the phrasebook
    "Where is the station, please?"
    "My sister doesn't like cheese."
    "We bought a new car yesterday."
    "How much does this red dress cost?"
    "I don't want to sell my old car."
    "If it rains, we'll stay at home."
)
pictured="The new museum is bigger than the old church."

times=""
part() { # NAME: begin the next part; record the duration of the part before
    [[ -z $step ]] || times+=$(printf '%6d s  %s' $((SECONDS - part_start)) "$part_name")$'\n'
    part_name=$1
    part_start=$SECONDS
    begin "$1"
}

tmt() { # print the command as typed in a shell, then run it
    local word
    printf '$ tmt' >&2
    for word; do
        [[ $word != *" "* ]] || word="\"$word\""
        printf ' %s' "$word" >&2
    done
    printf '\n' >&2
    .venv/bin/tmt "$@"
}

part "Environment"
prepare_environment .

part "Training"
tmt train --config configs/quickstart.yaml ${overwrite[@]+"${overwrite[@]}"}

part "Scores on the test set"
tmt evaluate --model $run

part "Translations"
translations=$(tmt translate --model $run "${sentences[@]}")
paste -d '|' <(printf '%s\n' "${sentences[@]}") <(echo "$translations") | while IFS='|' read -r source target; do
    printf '    %-42s  %s\n' "$source" "$target"
done

part "Attention"
tmt attention --model $run "$pictured" -o $run/attention.png
tmt attention --model $run "$pictured" -o $run/attention.html

part "Done"
cat <<END

Time taken:
$times
Look at:
  $run/attention.html                        what each word looked at (open it in a browser)
  $run/attention.png

Try next:
  source .venv/bin/activate                           # once per terminal, to have tmt
  tmt translate --model $run "Your own sentence."
  tmt translate --model $run < english.txt > translated.txt
  tmt evaluate --model $run --json
  tmt --help
END
