"""The scenarios by name, in the order in which --all runs them. Each has a `run(site)`; the proof follows."""

from . import (
    budget, cancelled, crashing_jobs, delayed, fair_turns, frozen_workers, full_disk, full_redis, hanging_jobs, killed_workers, lost_groups,
    partitions, postgres_away, postgres_refuses, postgres_restarts, producers, random_faults, redis_restarts, redis_torn_log, redis_wiped,
    rolling_stops, slow_links, soak, taken_paths, terminated_sessions, triple, unfit_redis, wrong_clocks,
)

ALL = {
    # The longest first, for those who run several at once.
    "soak": soak, "partitions": partitions, "slow-links": slow_links, "producers": producers, "pg-sessions": terminated_sessions, "random": random_faults,
    "killed": killed_workers, "stopped": rolling_stops, "frozen": frozen_workers, "crashing": crashing_jobs, "hanging": hanging_jobs,
    "redis-restarts": redis_restarts, "redis-wiped": redis_wiped, "redis-torn": redis_torn_log, "redis-groups": lost_groups,
    "full-redis": full_redis, "unfit-redis": unfit_redis,
    "pg-restarts": postgres_restarts, "pg-away": postgres_away, "pg-refuses": postgres_refuses,
    "full-disk": full_disk, "taken-paths": taken_paths,
    "wrong-clocks": wrong_clocks, "triple": triple, "cancelled": cancelled, "fair-turns": fair_turns, "budget": budget, "delayed": delayed,
}
