#!/bin/bash
#SBATCH --job-name=lase
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@300
#SBATCH --requeue

# One process on each GPU, as JAX expects it of SLURM. From the repository's folder, on a file system
# that all nodes share, with the options of `lase_jax.cli train`:
#
#   make install EXTRA=cuda12
#   sbatch experiments/cluster/slurm.sh big --env cleanup --seeds 64 --chunks 1000
#
# The first word names the run. SIGTERM comes five minutes before the end; the run saves itself after
# the part it is in, of which --chunks says how many there are, and goes on when the job is queued again.
set -euo pipefail

name=$1
shift
if [ -f "runs/$name/config.json" ]; then
    set -- --resume "runs/$name"
else
    set -- --name "$name" "$@"
fi
exec srun .venv/bin/python -m lase_jax.cli train "$@" --hosts auto
