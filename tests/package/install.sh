#!/usr/bin/env bash
# Installs what was built, moves it, and uses it as a stranger would: the program and its pages, the library from another CMake
# project and through pkg-config, the module file, the Debian package.
# Usage: install.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
build=$1 source=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
die() {
  echo "FAILED: $1"
  exit 1
}

cmake --install "$build" --prefix "$scratch/first" >installed
mv first moved
prefix=$scratch/moved
! grep -rIl --exclude-dir=bin "$scratch/first" moved || die "these name the folder that they were installed in"
! grep -rIlF -e "$source" -e "$build" moved || die "these name the folder that they were built in"

mkdir empty
(cd empty && mpirun -n 2 "$prefix/bin/widegram" run "$prefix/share/widegram/jobs/examples/digits.toml" >../ran 2>&1) || { cat ran; die "run"; }
grep -q 'test accuracy' ran || die "no accuracy in $(cat ran)"
for page in man1/widegram.1 man5/widegram-job.5; do
  [[ -s $prefix/share/man/$page ]] || die "no $page"
  ! command -v groff >/dev/null || [[ -z $(groff -man -ww -Tutf8 "$prefix/share/man/$page" 2>&1 >/dev/null) ]] || die "$page is no clean manual page"
done
grep -q '^\\fBridge\\fR\|^.*\\fBridge\\fR (' "$prefix/share/man/man5/widegram-job.5" || die "solve.ridge has no entry in the manual"

# offers WORD... : what bash would offer for the last word.
offers() {
  bash -c 'compopt() { :; }; source "$0"; COMP_WORDS=(widegram "$@"); COMP_CWORD=$#; _widegram; echo "${COMPREPLY[*]}"' \
    "$prefix/share/bash-completion/completions/widegram" "$@"
}
[[ $(offers so) == solve ]] || die "completion of a command: $(offers so)"
[[ $(offers solve --wall) == --walltime ]] || die "completion of an option: $(offers solve --wall)"
[[ $(offers solve job.toml --set solve.ridges) == solve.ridges= ]] || die "completion of a key: $(offers solve job.toml --set solve.ridges)"
touch a.toml a.txt
[[ $(offers run a) == a.toml ]] || die "completion of a job file: $(offers run a)"

cmake -S "$source/tests/package/consumer" -B by-cmake -DCMAKE_PREFIX_PATH="$prefix" >configured || { cat configured; die "find_package"; }
cmake --build by-cmake >made 2>&1 || { cat made; die "linking by CMake"; }
mpirun -n 2 by-cmake/consumer >said || die "the program linked by CMake: $(cat said)"
grep -q 'on 2 ranks: residual below 1e-12: yes; dense' said || die "the program linked by CMake: $(cat said)"
if command -v mpicxx >/dev/null; then
  read -ra flags <<<"$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs widegram)"
  mpicxx "$source/tests/package/consumer/main.cpp" -o by-pkg-config "${flags[@]}" || die "linking by pkg-config"
  mpirun -n 2 ./by-pkg-config | cmp - said || die "the program linked by pkg-config says something else"
fi

if command -v tclsh >/dev/null; then
  PREFIX=$prefix tclsh <<'TCL' >module || die "the module file"
proc prepend-path {name value} { puts "$name=$value" }
proc setenv {name value} { puts "$name=$value" }
proc module-whatis {args} {}
proc conflict {args} {}
set ModulesCurrentModulefile [glob $env(PREFIX)/share/modulefiles/widegram/*]
source $ModulesCurrentModulefile
TCL
  grep -qx "PATH=$prefix/bin" module || die "the module file sets: $(cat module)"
fi

if command -v dpkg-deb >/dev/null && command -v dpkg-shlibdeps >/dev/null; then
  (cd "$build" && cpack -G DEB -B "$scratch/deb" >"$scratch/packed" 2>&1) || { cat packed; die "cpack"; }
  dpkg-deb --contents deb/*.deb >contents
  grep -q ' \./usr/bin/widegram$' contents || die "the Debian package holds: $(cat contents)"
  dpkg-deb --field deb/*.deb Depends | grep -q petsc || die "the Debian package depends on $(dpkg-deb --field deb/*.deb Depends)"
fi
echo "installed, moved and used"
