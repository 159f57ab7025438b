"""What this library costs, as ratios to named peers timed in the same run."""
