#!/usr/bin/env bash
# Divides a run of vpn-interop among the tasks of a Slurm array, and merges the shares when the last one has ended.
#
#     SHARES=8 ./slurm-array.sh --suite full --client 'openconnect@*' --server 'ocserv@*'
#
# Call it where you submit jobs, in a folder that all nodes share. The arguments are those of `vpn-interop run`. It installs
# the releases of peers that a lock file names, once, as nodes often have no way to the internet; then it submits the array,
# and a job that waits for the array and merges. Results are in vpn-interop-results/JOB/merged.
#
# Nodes must let an ordinary user make namespaces: `srun vpn-interop doctor` says whether they do.
#
#   SHARES        number of shares; 4 unless given
#   VPN_INTEROP   the program; `vpn-interop` unless given
#   PEERS_LOCK    lock file of `vpn-interop peers install`; `peers.lock`, if there is one
#   DURATIONS     results.json of an earlier run: the shares are balanced by it
#   RESULTS       folder for everything; `vpn-interop-results` unless given
#
#SBATCH --job-name=vpn-interop
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=02:00:00
# A share whose time is up ends what runs, and keeps what is finished.
#SBATCH --signal=B:INT@60
set -euo pipefail

: "${SHARES:=4}" "${VPN_INTEROP:=vpn-interop}" "${PEERS_LOCK:=peers.lock}" "${DURATIONS:=}"
: "${RESULTS:=$PWD/vpn-interop-results}"
export VPN_INTEROP DURATIONS RESULTS

if [[ -n ${SLURM_ARRAY_TASK_ID-} ]]; then
  # A task of the array. All tasks have one seed, and the same durations.
  folder=$RESULTS/$SLURM_ARRAY_JOB_ID/share-$SLURM_ARRAY_TASK_ID
  exec "$VPN_INTEROP" run --partition auto --seed "$SLURM_ARRAY_JOB_ID" --out "$folder" \
    ${DURATIONS:+--durations "$DURATIONS"} "$@"
fi

if [[ -e $PEERS_LOCK ]]; then
  "$VPN_INTEROP" peers install --lock "$PEERS_LOCK"
fi
mkdir -p "$RESULTS"
array=$(sbatch --parsable --array="1-$SHARES" --output="$RESULTS/%A-share-%a.log" "$0" "$@")
array=${array%%;*} # behind a semicolon stands the name of the cluster
printf -v merge '%q report %q/share-* --out %q' "$VPN_INTEROP" "$RESULTS/$array" "$RESULTS/$array/merged"
# After any end of the tasks: one that found a failure has failed, and one that is missing is said to be.
sbatch --job-name=vpn-interop-merge --dependency="afterany:$array" --mem=2G --time=00:30:00 \
  --output="$RESULTS/$array-merge.log" --wrap="$merge"
printf 'The results will be in %s/%s/merged.\n' "$RESULTS" "$array"
