#!/usr/bin/env bash
# What the pages of the project point at is there: every path between backticks, and every command of the program.
# Usage: reading.sh PROGRAM SOURCE_FOLDER
set -euo pipefail
program=$1
cd "$2"
bad=0
pages=(README.md src/README.md slurm/README.md CHANGELOG.md)
while IFS=: read -r page path; do
  path=${path//\`/}
  # Beside the page, at the top, or below the folder that the page is about.
  [[ -e $path || -e $(dirname "$page")/$path || -e src/kernels/$path ]] || { echo "$page: there is no $path"; bad=1; }
done < <(grep -noE '`(src|solvers|io|jobs|tests|slurm)/[A-Za-z0-9_/.-]+`|`[a-z_]+\.(cpp|hpp|sh|sbatch|py)`' "${pages[@]}" | sed -E 's/:[0-9]+:/:/' | sort -u)
commands=$("$program" --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
while IFS=: read -r page command; do
  grep -qx "${command#*widegram }" <<<"$commands" || { echo "$page: the program has no command '${command#*widegram }'"; bad=1; }
done < <(grep -oE '(build/|`|^)widegram [a-z]+' README.md slurm/README.md jobs/README.md | sort -u)
exit $bad
