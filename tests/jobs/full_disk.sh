#!/usr/bin/env bash
# Runs that meet a full disk, a limit on the size of files or a disk that cannot be written: one message that says so and
# what to do, exit code 5, what is saved stays valid, and once there is room the next run goes on to the same bits.
# Usage: full_disk.sh PROGRAM SOURCE_FOLDER
source "$(dirname "${BASH_SOURCE[0]}")/program_checks.sh"
cat >job.toml <<'E2'
output = "disk/out"
[data]
train = "digits:train[:704]"
test = "digits:test[:64]"
[kernel]
preset = "dense"
activation = "erf"
weight_variance = 1
depth = 500
[gram]
tile = 16
checkpoint_every = "5ms"
[solve]
ridge = 1e-3
E2
small=(--set 'data.train=digits:train[:352]')
# Its name makes its texts some pages long.
tiny=(--set 'data.train=digits:train[:64]' --set "name=$(printf 'long%.0s' {1..3000})")
full="(No space left on device|took only a part of what was written: the disk is full).*make room and run again, what is saved stays valid"
tiles() { "$program" inspect "$1" --json | grep -A13 '"tiles"' | grep -E 'done|all|checksum'; }
done_tiles() { tiles "$1" | grep -m1 done | tr -dc 0-9; }
reused() { grep -A12 '"gram": {' "$1/metrics.json" | grep reused_entries | tr -dc 0-9; }
# same_bits FOLDER UNTOUCHED
same_bits() {
  [[ $(tiles "$1/gram.h5") == "$(tiles "$2/gram.h5")" ]] || fail "$1/gram.h5: other bits than those of an untouched run"
}
good() { "$program" verify "$1" >out 2>err || fail "$1 is broken:"; }
# goes_on RANKS: the next run takes all that was saved.
goes_on() {
  local before
  before=$(done_tiles disk/out/gram.h5)
  start "$1" gram job.toml >out 2>err || fail "the run that goes on:"
  [[ $(reused disk/out) -ge $((before * 256 - 44 * 120)) ]] || fail "only $(reused disk/out) entries of $before tiles reused"
  good disk/out/gram.h5
  same_bits disk/out untouched
}

"$program" gram job.toml --quiet --set output=untouched
mkdir disk

# --- A limit on the size of files, met by a Gram that was begun without one. Open MPI's own files are in its way.
mkdir -p disk/out
touch disk/out/stop
"$program" gram job.toml --quiet >out 2>err || [[ $? == 75 ]] || fail "the stop file:"
rm disk/out/stop
limit=$(($(stat -c %s disk/out/gram.h5) * 3 / 4 / 1024))
limited() { (ulimit -f $limit; PMIX_MCA_gds=hash OMPI_MCA_btl=self "$program" "$@"); }
fails 5 "gram.h5.*File too large; raise the file size limit .*what is saved stays valid" limited gram job.toml --quiet
good disk/out/gram.h5
(($(done_tiles disk/out/gram.h5) > 0)) || fail "nothing was saved below the limit"
goes_on 2

# --- A small disk, with ballast on it.
if ! mount -t tmpfs -o size=6m widegram-test disk 2>/dev/null; then
  echo "skipped: full disks and read-only ones, which need the right to mount one"
  exit $((failures > 0))
fi
trap 'umount "$scratch/disk"; rm -rf "$scratch"' EXIT
# leave KILOBYTES: fills the disk up to them.
leave() {
  rm -f disk/ballast
  head -c $((($(stat -f -c %a disk) * 4 - $1) * 1024)) /dev/zero >disk/ballast
}
make_room() { rm disk/ballast; }

# The Gram does not fit.
for ranks in 1 3; do
  leave 800
  expect $ranks 5 "disk/out/gram.h5.*$full" gram job.toml --quiet
  good disk/out/gram.h5
  (($(done_tiles disk/out/gram.h5) > 0)) || fail "$ranks ranks: nothing was saved on the small disk"
  [[ ! -e disk/out/metrics.json ]] || fail "metrics of a run that failed"
  make_room
  goes_on $ranks
  rm -r disk/out
done

# The Gram is there, but not the room for a larger one beside it, in which it would grow.
"$program" gram job.toml --quiet "${small[@]}"
cp disk/out/gram.h5 before.h5
for kilobytes in 64 256 500; do
  leave $kilobytes
  expect 2 5 "disk/out/gram.h5.partial.*$full" gram job.toml --quiet
  cmp -s disk/out/gram.h5 before.h5 || fail "$kilobytes kB left: growing has changed the file that it could not replace"
  [[ ! -e disk/out/gram.h5.partial ]] || fail "$kilobytes kB left: half a Gram lies about on the full disk"
done
make_room
start 3 gram job.toml >out 2>err || fail "growing once there is room:"
[[ $(reused disk/out) == $((352 * 353 / 2)) ]] || fail "growing has reused $(reused disk/out) entries"
good disk/out/gram.h5
same_bits disk/out untouched
rm -r disk/out

# until_it_fits COMMAND [OPTION...]: with room for a page more each time, from none at all on. The names of what did not fit add to $seen.
until_it_fits() {
  local kilobytes code file
  for ((kilobytes = 0; kilobytes < 200; kilobytes += 4)); do
    find disk/out -type f ! -name gram.h5 -delete
    leave $kilobytes
    code=0
    "$program" "$1" job.toml --quiet "${tiny[@]}" "${@:2}" >out 2>err || code=$?
    for file in disk/out/*.part*; do [[ ! -e $file ]] || fail "$1 with $kilobytes kB left: $file lies about"; done
    [[ $code != 0 ]] || break
    [[ $code == 5 && $(told) == 1 ]] && grep -qE "^widegram: error: disk/out/.*(No space left on device|the disk is full)" err ||
      fail "$1 with $kilobytes kB left: exit code $code:"
    seen+=$(sed -nE 's|^widegram: error: disk/out/([a-z0-9-]*\.[a-z0-9]+).*|\1|p' err)' '
    [[ ! -e disk/out/metrics.json ]] || fail "metrics of a run that failed"
    for file in disk/out/*.h5; do good "$file"; done
  done
  [[ $code == 0 ]] || fail "$1: 200 kB are not enough:"
  for file in disk/out/*.h5; do good "$file"; done
}
# Sooner or later each file of a run is the one that does not fit.
"$program" gram job.toml --quiet "${tiny[@]}"
seen=
until_it_fits gram
until_it_fits run
until_it_fits spectrum
until_it_fits dynamics
until_it_fits dkm --set dkm.kind=sparse --set dkm.inducing=10 --set dkm.epochs=2 --set dkm.batch=32
for file in .lock job.toml metrics.json model.h5 predictions.h5 spectrum.h5 dynamics.h5 dkm-state.h5 dkm.h5; do
  [[ " $seen" == *" $file "* ]] || fail "never the one that did not fit: $file ($seen)"
done
make_room

# A disk that only may be read: what is there serves, and nothing else can be made.
"$program" gram job.toml --quiet "${small[@]}" --set output=disk/whole
mount -o remount,ro disk
good disk/whole/gram.h5
expect 1 5 "disk/new: cannot make this output folder: Read-only file system" gram job.toml --quiet --set output=disk/new
expect 3 5 "disk/whole.*Read-only file system; choose a folder that can be written" gram job.toml --quiet --set output=disk/whole
exit $((failures > 0))
