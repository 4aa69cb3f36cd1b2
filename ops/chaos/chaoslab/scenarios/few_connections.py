"""C9: more workers than PostgreSQL takes connections: those that come up short say so and claim nothing, the others make everything."""

from ..site import Site


def run(site: Site) -> None:
    server = site.use_postgres(settings=("max_connections=16", "superuser_reserved_connections=4"))
    # Workers are no superusers, for whom connections are reserved; those are the witness's.
    server.sql("CREATE ROLE packer LOGIN")
    server.sql("GRANT packshot TO packer")
    server.sql("ALTER ROLE packer SET role = packshot")
    site.witness = server.url
    jobs = site.scaled(1_000, least=100)
    site.use_database(server.url_as("packer"))
    site.enqueue(jobs)
    # A worker that cannot start ends and says so; its supervisor starts it again, later.
    site.workers_may_end = True
    site.fleet(8, "50ms±50%")
    site.wait("everything is made", lambda: site.unfinished == 0, 120, supervise=False)
    fleet = site.fleets[0]
    fleet.look_for_ended()
    for words in fleet.ended_by_themselves.values():
        site.expect("ended with 5" in words, f"a worker without connections {words}")
    site.facts["ended for want of connections"] = len(fleet.ended_by_themselves)
