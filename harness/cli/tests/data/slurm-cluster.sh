#!/usr/bin/env bash
# A Slurm cluster of this one host, for one command: MUNGE, the controller and the node run in the namespaces that the caller
# has made (mount, PID, network, host name), with all their files in one folder, and end with this script.
#
#     slurm-cluster.sh FOLDER SLURM_ROOT SECONDS COMMAND...
#
# FOLDER is empty; SLURM_ROOT has unpacked packages, or is `/`. The command may submit jobs; the script ends when it has ended and the queue
# is empty, or with 1 when that takes longer.
set -euo pipefail

folder=$1 root=${2%/} patience=$3
shift 3
export PATH="$root/usr/bin:$root/usr/sbin:$PATH:/usr/sbin:/sbin"
libraries=$(echo "$root"/usr/lib/*-linux-gnu)
plugins=$libraries/slurm-wlm
if [[ -n $root ]]; then
  export LD_LIBRARY_PATH="$libraries:$plugins"
fi

# Of two names the first that there is: Debian has the programs with and without its suffix.
program() {
  command -v "$1-wlm" || command -v "$1"
}
fail() {
  printf 'slurm-cluster: %s\n' "$*" >&2
  # Why, from whoever knows.
  tail -n 20 "$folder"/log/* >&2 || true
  exit 1
}
# Waits until a command succeeds.
until_it_holds() {
  local what=$1
  shift
  until "$@"; do
    ((SECONDS < patience)) || fail "$what: not within $patience s"
    sleep 0.2
  done
}

hostname share-host
ip link set lo up
# With nothing but loopback addresses getaddrinfo finds no host.
ip address add 192.0.2.1/32 dev lo

mkdir -p "$folder"/{munge,state,spool,log}
(umask 077 && head -c 128 /dev/urandom >"$folder/munge/key")
munged --foreground --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" \
  --log-file="$folder/log/munge-file" --seed-file="$folder/munge/seed" >"$folder/log/munge" 2>&1 &
until_it_holds "munged" test -S "$folder/munge/socket"

# More processors and memory than there may be: tasks of an array shall run at once.
cat >"$folder/slurm.conf" <<CONF
ClusterName=shares
SlurmctldHost=share-host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
PluginDir=$plugins
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1
SlurmdParameters=config_overrides
NodeName=share-host NodeAddr=127.0.0.1 CPUs=16 RealMemory=65536 State=UNKNOWN
PartitionName=shares Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$folder/slurm.conf
version=$("$(program slurmctld)" -V | grep -oE '[0-9]+\.[0-9]+' | head -n1)
if [[ $(printf '%s\n' 23.11 "$version" | sort -V | head -n1) == 23.11 ]]; then
  # From then on the node insists on control groups unless told; before, it knows no such word.
  echo CgroupPlugin=disabled >"$folder/cgroup.conf"
fi
"$(program slurmctld)" -D -i >"$folder/log/slurmctld" 2>&1 &
stepd=()
if [[ -n $root ]]; then
  stepd=(-d "$(program slurmstepd)")
fi
"$(program slurmd)" -D "${stepd[@]}" >"$folder/log/slurmd" 2>&1 &
is_idle() { [[ $(sinfo --noheader --format=%T 2>/dev/null) == idle ]]; }
until_it_holds "an idle node" is_idle

"$@"
is_empty() { [[ -z $(squeue --noheader 2>/dev/null || echo "no answer") ]]; }
until_it_holds "an empty queue" is_empty
