"""A server that answers nothing: the floor of every REST figure."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def _nothing(_: Request) -> Response:
    return Response(b"{}\n", media_type="application/json")


app = Starlette(routes=[Route("/", _nothing)])
