# shellcheck shell=bash
# A Slurm cluster of two nodes on this machine, for tests: to be sourced. Everything lies in $scratch, listens on the
# loopback, and is ended by its own process number. The caller has made the folder $scratch.
#   cluster_install   what is missing, from the distribution; returns 1 where nothing can be installed
#   cluster_start     munged, slurmctld and the nodes n1 and n2; exports SLURM_CONF and returns once both nodes are idle
#   cluster_stop
cluster_pids=()
: "${scratch:?}"

cluster_install() {
  local name missing=no
  for name in munged slurmctld slurmd sbatch; do
    PATH=$PATH:/usr/sbin:/sbin command -v $name >/dev/null || missing=yes
  done
  [[ $missing == yes ]] || return 0
  command -v apt-get >/dev/null || return 1
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends slurm-wlm munge; } \
    >"$scratch/install.log" 2>&1 || { tail -n 20 "$scratch/install.log"; return 1; }
}

cluster_daemon() {
  "$@" >/dev/null 2>&1 </dev/null &
  cluster_pids+=($!)
}

# cluster_port: one that nobody listens on at the moment.
cluster_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo $port; return; }
  done
}

cluster_configuration() {
  local node
  cat <<E2
ClusterName=widegram-test
SlurmctldHost=localhost
SlurmctldAddr=127.0.0.1
SlurmctldPort=$(cluster_port)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$cluster/munge.socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ReturnToService=0
JobRequeue=1
MailProg=/bin/true
KillWait=5
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SlurmctldDebug=debug2
StateSaveLocation=$cluster/state
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdSpoolDir=$cluster/spool.%n
SlurmdPidFile=$cluster/slurmd.%n.pid
SlurmdLogFile=$cluster/slurmd.%n.log
E2
  for node in n1 n2; do
    echo "NodeName=$node NodeHostname=localhost NodeAddr=127.0.0.1 Port=$(cluster_port) CPUs=2 State=UNKNOWN"
  done
  echo "PartitionName=test Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP"
}

# within SECONDS COMMAND...: waits until the command succeeds; 1 where it does not in time.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.2
  done
}

cluster_idle() { [[ $(sinfo -h -N -o %T 2>/dev/null | sort | uniq -c | xargs) == "2 idle" ]]; }

cluster_start() {
  export PATH=$PATH:/usr/sbin:/sbin
  cluster=$scratch/cluster
  # munged wants every user to reach its socket, and nobody else to write beside it.
  chmod 755 "$scratch"
  mkdir -p "$cluster/state" "$cluster"/spool.n{1,2}
  (umask 077; head -c 1024 /dev/urandom >"$cluster/munge.key")
  cluster_daemon munged --foreground --key-file="$cluster/munge.key" --socket="$cluster/munge.socket" \
    --pid-file="$cluster/munged.pid" --seed-file="$cluster/munged.seed" --log-file="$cluster/munged.log" --force
  within 10 test -S "$cluster/munge.socket"
  cluster_configuration >"$cluster/slurm.conf"
  export SLURM_CONF=$cluster/slurm.conf
  cluster_daemon slurmctld -D -f "$SLURM_CONF"
  cluster_daemon slurmd -D -f "$SLURM_CONF" -N n1
  cluster_daemon slurmd -D -f "$SLURM_CONF" -N n2
  within 30 cluster_idle
}

# What Slurm itself has to say, where a test has failed.
cluster_logs() {
  sinfo -N -l || true
  squeue || true
  local log
  for log in "$cluster"/*.log; do
    echo "-- ${log##*/}"
    grep -vE 'debug2?:' "$log" | tail -n 30 || true
  done
}

cluster_empty() { [[ -z $(squeue -h 2>/dev/null) ]]; }

cluster_stop() {
  if scancel --quiet --user=root 2>/dev/null; then within 15 cluster_empty || true; fi
  local pid
  for pid in "${cluster_pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${cluster_pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  cluster_pids=()
}
