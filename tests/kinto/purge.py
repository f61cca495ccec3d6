"""A Kinto plugin for tests: `POST /v1/__purge__` purges tombstones, as `kinto purge-deleted` does beside a running server.

What is kept in memory, no other process can purge.
"""

from kinto.core import Service
from pyramid.security import NO_PERMISSION_REQUIRED

purge = Service(name="purge", path="/__purge__", description="Purge the tombstones of all records")


@purge.post(permission=NO_PERMISSION_REQUIRED)
def purge_post(request):
    return {"purged": request.registry.storage.purge_deleted(resource_name="record", parent_id="*")}


def includeme(config):
    config.add_cornice_service(purge)
