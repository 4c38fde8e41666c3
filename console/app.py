"""The console as an ASGI application: `create_app`; uvicorn runs it (with a graceful shutdown of 3 s, since streams never end by themselves)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from console import problems
from console.api import alarms as alarms_api
from console.api import alerts as alerts_api
from console.api import answers, devices, live, probes, readings, records, registers, registry, reviews, sensorthings, verdicts, zones
from console.api import concerns as concerns_api
from console.api import heat_plan as heat_plan_api
from console.api import notifications as notifications_api
from console.api import suspicions as suspicions_api
from console.committee.rooms import CommitteeRooms
from console.concerns import ConcernLimiter
from console.context import ConsoleContext, House
from console.hub import Hub
from console.limiter import LoginLimiter
from console.pages import alarms as alarms_pages
from console.pages import alerts as alerts_pages
from console.pages import boards, completeness, equipment, floor, login, sites, trend, verdict, zone
from console.pages import committee as committee_pages
from console.pages import concerns as concern_pages
from console.pages import heat_plan as heat_plan_pages
from console.pages import meetings as meetings_pages
from console.pages import monitoring_plan as monitoring_plan_pages
from console.pages import notifications as notification_pages
from console.pages import records as records_pages
from console.pages import registers as register_pages
from console.pages import reviews as review_pages
from console.pages import suspicions as suspicions_pages
from console.pages.render import STATIC, Renderer
from console.security import PUBLIC, Caller, SecurityHeaders, user_of
from console.sources import Sources
from console.stores import Stores
from domain.errors import OshwatchError
from storage.records.concerns import BoardsRepository, ConcernsRepository
from storage.records.people import PeopleRepository

__all__ = ["ConsoleContext", "create_app"]

API = "/api/v1"
SMALLEST_ZIPPED = 512
API_ROUTERS = (
    registry.router,
    readings.router,
    zones.router,
    records.router,
    registers.router,
    heat_plan_api.router,
    verdicts.router,
    alerts_api.router,
    alarms_api.router,
    notifications_api.router,
    devices.router,
    live.router,
    reviews.router,
    sensorthings.router,
    concerns_api.router,
    suspicions_api.router,
)
PAGE_ROUTERS = (
    probes.router,
    floor.router,
    trend.router,
    zone.router,
    completeness.router,
    verdict.router,
    records_pages.router,
    monitoring_plan_pages.router,
    register_pages.router,
    heat_plan_pages.router,
    sites.router,
    alerts_pages.router,
    alarms_pages.router,
    notification_pages.router,
    suspicions_pages.router,
    equipment.router,
    review_pages.router,
    committee_pages.router,
    meetings_pages.router,
    boards.router,
    concern_pages.router,
    login.router,
)


def create_app(context: ConsoleContext) -> FastAPI:
    """Everything is under one origin: pages at the root, REST under /api/v1, probes at the root."""
    house = _house(context)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        house.hub.start()
        yield
        await house.hub.stop()

    app = FastAPI(title="Oshwatch", version=context.version or "0", description=DESCRIPTION, openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.house = house
    for router in API_ROUTERS:
        _add(app, router, API)
    for router in PAGE_ROUTERS:
        _add(app, router, "")

    @app.get(f"{API}/openapi.json", include_in_schema=False, dependencies=[Depends(PUBLIC)])
    def openapi() -> Response:
        return answers.answer(answers.openapi(app))

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    problems.install(app, _problem_page)
    app.add_middleware(GZipMiddleware, minimum_size=SMALLEST_ZIPPED)
    app.add_middleware(SecurityHeaders, secure=context.secure)
    return app


DESCRIPTION = "Heat, noise, air and chemicals on factory floors: what was measured, what it means for the limits in force, and what people did. Not a safety function."


def _add(app: FastAPI, router: APIRouter, prefix: str) -> None:
    """Route by route, so that the app's own table is one flat list that can be walked for permissions."""
    for route in router.routes:
        if not isinstance(route, APIRoute):
            raise TypeError(f"{route} is no route of ours")
        app.add_api_route(
            prefix + route.path,
            route.endpoint,
            methods=sorted(route.methods or ()),
            dependencies=route.dependencies,
            responses=route.responses,
            tags=route.tags,
            include_in_schema=route.include_in_schema,
            openapi_extra=route.openapi_extra,
            response_model=None,
        )


def _house(context: ConsoleContext) -> House:
    sources, stores = Sources(context), Stores(context)
    people = PeopleRepository(context.engine, context.wall)
    return House(
        context=context,
        people=people,
        sources=sources,
        stores=stores,
        hub=Hub(context, sources, stores),
        limiter=LoginLimiter(context.wall),
        renderer=Renderer(context),
        committee=CommitteeRooms(context, sources, people),
        boards=BoardsRepository(context.engine),
        concerns=ConcernsRepository(context.engine),
        concern_limiter=ConcernLimiter(context.wall),
    )


def _problem_page(request: Request, status: int, detail: str) -> Response:
    """A person who is not logged in is led to the login; anything else is said in a page."""
    house: House = request.app.state.house
    if status == 401:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/login" if request.method != "GET" or target == "/" else f"/login?next={quote(target)}", 303)
    try:
        user = user_of(request, house)
    except OshwatchError:
        user = None
    return house.renderer.problem(request, status, detail, Caller(user=user) if user else None)
