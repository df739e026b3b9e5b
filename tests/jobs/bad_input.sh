#!/usr/bin/env bash
# Input that is bad, and places that cannot be written: the program names what is at fault in one message, all ranks
# stop with its exit code, and finished work stays valid.
# Usage: bad_input.sh PROGRAM SOURCE_FOLDER
source "$(dirname "$0")/program_checks.sh"

# make_idx FILE TYPE EXTENT...: IDX's header (type: two hexadecimal digits, extents below 256); the numbers follow
# from standard input.
make_idx() {
  local file=$1 type=$2 extents='' extent
  shift 2
  for extent in "$@"; do extents+=$(printf '\\x00\\x00\\x00\\x%02x' "$extent"); done
  { printf "\\x00\\x00\\x$type\\x0$#$extents"; cat; } >"$file"
}

# One output folder for all: nothing of these jobs gets as far as a Gram.
cat >job.toml <<'E2'
output = "results"
data.train = "digits:train[:40]"
kernel.preset = "dense"
E2
# load RANKS CODE PATTERN SETTING...: the Gram's job with other settings fails.
load() {
  local ranks=$1 code=$2 pattern=$3 words=() setting
  shift 3
  for setting in "$@"; do words+=(--set "$setting"); done
  expect "$ranks" "$code" "$pattern" gram job.toml --quiet "${words[@]}"
}

# --- Data that cannot be what it should be.
head -c 3 /dev/zero | make_idx labels.idx 08 3
head -c 27 /dev/zero | make_idx whole.idx 08 3 3 3
head -c 20 whole.idx >cut.idx
gzip -c whole.idx | head -c 30 >cut.idx.gz
printf '\x01\x02\x03\x04 and so on' >magic.idx
head -c 36 /dev/zero | make_idx four.idx 08 4 3 3
printf '\x3f\x80\x00\x00\x7f\xc0\x00\x00\x3f\x80\x00\x00' | make_idx nan.idx 0d 3 1
printf '\x3f\x80\x00\x00\x3f\x80\x00\x00\xff\x80\x00\x00' | make_idx inf.idx 0d 3 1
head -c 5000 /dev/zero >cut.bin
printf '\x93NUMPY\x01\x00\x76\x00%-117s\n%s' "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }" "too few" >cut.npy
for ranks in 1 3; do
  load $ranks 3 "none.csv: no such file" data.train=none.csv
  load $ranks 3 "cut.idx: .*cut" data.train=cut.idx data.labels=labels.idx
  load $ranks 3 "cut.idx.gz: .*cut" data.train=cut.idx.gz data.labels=labels.idx
  load $ranks 3 "cut.bin: 5000 bytes are not whole" data.train=cut.bin
  load $ranks 3 "cut.npy: .*cut" data.train=cut.npy data.labels=cut.npy
  load $ranks 3 "magic.idx: .*magic" data.train=magic.idx data.labels=labels.idx data.format=idx
  load $ranks 3 "four.idx has 4 samples but labels.idx has 3" data.train=four.idx data.labels=labels.idx
  load $ranks 3 "nan.idx: sample 1 .*nan" data.train=nan.idx data.labels=labels.idx
  load $ranks 3 "inf.idx: sample 2 .*-inf" data.train=inf.idx data.labels=labels.idx
  load $ranks 3 "\[:5000\]: the slice is out of range; .* 1[0-9]+ samples" "data.train=digits:train[:5000]"
  load $ranks 2 "layer 1 .conv 9x9 valid.: input 8 x 8 is smaller" kernel.preset= \
    'kernel.layers=[{op="conv",size=9,padding="valid"},{op="flatten"},{op="dense"}]'
done

# --- Data that is odd and has its answer.
printf 'a,b,y\n0,0,1\n1,2,0.5\n1,2,0.25\n1,2,0.75\n3,1,2\n' >twins.csv
sed 's/^/7,/; 1s/^7/c/' twins.csv >constant.csv
odd=(--set kernel.precision=float64 --set data.test=twins.csv --set data.train=twins.csv)
for ranks in 1 3; do
  rm -rf results constant
  expect $ranks 4 "not positive definite: its leading minor of .*ridge = [0-9]" solve job.toml "${odd[@]}" \
    --quiet --set solve.ridge=0
  ridge=$(grep -oE 'ridge = [0-9.e+-]+' err | cut -d' ' -f3)
  # The first sample is a zero one, and no score is NaN.
  works $ranks "twins.csv .* rmse [0-9]" run job.toml "${odd[@]}" --set "solve.ridge=${ridge:-none}"
  works $ranks "constant.csv .* rmse [0-9]" run job.toml --set output=constant --set data.train=constant.csv \
    --set data.test=constant.csv --set 'data.preprocess=["standardize"]'
  [[ $(grep -c "^warning: .*constant.csv .feature 0." err) == 1 ]] || fail "no warning of the constant feature:"
done

# --- Places that cannot be read or written.
printf 'no folder' >file
cat >disk.toml <<'E2'
data.train = "digits:train[:1000]"
data.test = "digits:test[:50]"
kernel.preset = "dense"
E2
for ranks in 1 3; do
  expect $ranks 5 "file/out: cannot make this output folder" run disk.toml --set output=file/out --quiet
done
# One rank alone, in another folder than the others, finds neither the Gram nor the data.
mkdir here elsewhere
apart() { timeout 60 mpirun -n 2 --wdir here "$program" "$@" : -n 1 --wdir elsewhere "$program" "$@"; }
fails 5 "rank 2 .*does not see runs/disk/.lock" apart gram ../disk.toml --quiet
cp whole.idx labels.idx here
fails 3 "whole.idx: no such file" apart gram ../disk.toml --quiet --set data.train=whole.idx \
  --set data.labels=labels.idx --set data.test= --set output=../results
# A limit on the size of files, with which Open MPI's own files are in the way as long as they are large.
limited() { (ulimit -f 1024; PMIX_MCA_gds=hash OMPI_MCA_btl=self "$program" "$@"); }
fails 5 "gram.h5: File too large" limited run disk.toml --set output=limited --quiet
# The same where the limit is met in the middle of a file: the system's signal must not end the program.
{ printf 'name = "' && head -c 1200000 /dev/zero | tr '\0' x && printf '"\n' && cat job.toml; } >long.toml
fails 5 "job.toml: cannot write: File too large" limited gram long.toml --set output=long --quiet

# A full disk, and the same job on a larger one with what was saved.
mkdir small
if mount -t tmpfs -o size=1m widegram-test small 2>/dev/null; then
  trap 'umount "$scratch/small"; rm -rf "$scratch"' EXIT
  for ranks in 1 3; do
    rm -rf small/* large
    expect $ranks 5 "gram.h5.*(No space left|took only a part).*saved stays valid" run disk.toml --set output=small --quiet
    cp -r small large
    works $ranks "^disk +digits.* 9[0-9]\.[0-9]+ %" run disk.toml --set output=large
  done
else
  echo "skipped: a full disk (needs the right to mount one)"
fi

# Links that somebody has put where drafts of files are written are not followed.
mkdir linked
echo precious >precious
for name in job.toml.part metrics.json.part {gram,model,predictions}.h5.partial; do ln -s ../precious "linked/$name"; done
works 1 "^disk +digits.* 9[0-9]\.[0-9]+ %" run disk.toml --set output=linked --quiet
[[ $(<precious) == precious ]] || fail "a link was followed, and what it points to is overwritten"

# What another user has locked away: seen without the rights of root.
mkdir -m 700 locked
printf 'a,y\n1,2\n2,3\n' >locked/table.csv
mkdir -m 711 batches
head -c 3073 /dev/zero >batches/data_batch_1.bin
chmod 711 .
reader=()
if [[ $(id -u) == 0 ]]; then reader=(setpriv --reuid=65534 --regid=65534 --clear-groups); else chmod 0 locked batches; fi
if "${reader[@]}" "$program" --version >/dev/null 2>&1; then
  as_reader() { "${reader[@]}" "$program" "$@" --quiet; }
  for name in table.csv "sliced.csv[:1]"; do
    fails 3 "locked/${name%%[*}: cannot be read: Permission denied" as_reader gram job.toml --set "data.train=locked/$name" --set output=/tmp
  done
  fails 3 "locked/images.idx.*Permission denied" as_reader gram job.toml --set data.train=locked/images.idx --set data.format=idx
  fails 3 "batches: the folder cannot be listed: Permission denied" as_reader gram job.toml --set data.train=batches
  fails 2 "locked/job.toml: cannot read this job file: Permission denied" as_reader run locked/job.toml
  fails 5 "locked/out: cannot make this output folder: Permission denied" as_reader run disk.toml --set output=locked/out
  fails 5 "locked.*Permission denied" as_reader inspect locked/gram.h5
  fails 5 "locked.*metrics.json" as_reader report locked
else
  echo "skipped: locked files (needs another user that may start the program)"
fi
[[ $(id -u) == 0 ]] || chmod 700 locked batches
exit $((failures > 0))
