"""All routes of the facade, put together; the modules that end in `_routes` have one function for each.

Handlers take nothing but the request and give a finished response: FastAPI then validates nothing on the way,
which is what makes reads fast. What they read and answer is told in `documentation` and `schemas`.
"""

from fastapi import APIRouter

from . import device_routes, key_routes, service_routes, template_routes

router = APIRouter()
for part in (template_routes, device_routes, key_routes, service_routes):
    # Included as routers of their own they would be searched one after the other.
    router.routes.extend(part.router.routes)
