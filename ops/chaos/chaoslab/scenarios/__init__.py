"""The scenarios by name, in the order in which --all runs them. Each has a `run(site)`; the proof follows."""

from . import (
    crashing_jobs, delayed, full_disk, full_redis, hanging_jobs, postgres_refuses, postgres_restarts, random_faults,
    soak, taken_paths, triple,
)

ALL = {
    "random": random_faults, "crashing": crashing_jobs, "hanging": hanging_jobs, "full-redis": full_redis,
    "pg-restarts": postgres_restarts, "pg-refuses": postgres_refuses, "full-disk": full_disk, "taken-paths": taken_paths,
    "triple": triple, "delayed": delayed, "soak": soak,
}
