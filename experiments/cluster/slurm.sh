#!/bin/bash
#SBATCH --job-name=lase
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue

# One process on each node, from the repository's folder on a file system that all nodes share:
#
#   sbatch experiments/cluster/slurm.sh ENV=cleanup NAME=big SEEDS=64 EXTRA=cuda12
#
# SIGTERM comes two minutes before the end; the run saves itself and the job goes on when it is
# queued again, with RUN in the place of what a new run is made of.
set -euo pipefail

name= extra=
for word in "$@"; do
    case $word in
        NAME=*) name=${word#NAME=} ;;
        EXTRA=*) extra=$word ;;
    esac
done
[ -n "$name" ] || { echo "NAME is missing: name the run, e.g. NAME=big" >&2; exit 2; }

make install $extra
if [ -f "runs/$name/config.json" ]; then
    srun make train RUN="runs/$name" $extra ARGS="--hosts auto"
else
    srun make train "$@" ARGS="--hosts auto"
fi
