"""Log in, log out, choose a password."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from console.context import House, house_of
from console.i18n import N_
from console.pages.alerts import local_path
from console.problems import TooMany
from console.security import PUBLIC
from domain.errors import BadInput
from domain.times import SECOND_US
from storage.records.people import SESSION_US

router = APIRouter(include_in_schema=False, dependencies=[Depends(PUBLIC)])

WRONG = N_("The name or the password is wrong.")
WAIT = N_("Too many wrong tries. Wait a few minutes.")
WEAK = N_("This password will not do: twelve characters or more, not your name, not the old one.")


@router.get("/login")
def login_page(request: Request, next: Annotated[str, Query(max_length=500)] = "") -> Response:
    return house_of(request).renderer.page(request, "login.html", None, message="", next=local_path(next), name="")


@router.post("/login")
def login(
    request: Request,
    name: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    house, address = house_of(request), _address(request)
    name = name.strip().lower()
    try:
        house.limiter.check(name, address)
    except TooMany as error:
        return _again(request, "login.html", WAIT, 429, {"Retry-After": str(error.retry_after_s)}, next=local_path(next), name=name)
    user = house.people.verify_password(name, password)
    if user is None:
        house.limiter.failed(name, address)
        house.people.record("", "login failed", name, address)
        return _again(request, "login.html", WRONG, 401, {}, next=local_path(next), name=name)
    house.limiter.succeeded(name, address)
    if user.must_choose_password:
        return RedirectResponse(f"/password?name={user.name}", 303)
    return _welcome(house, user.name, local_path(next) or "/")


@router.get("/password")
def password_page(request: Request, name: Annotated[str, Query(max_length=64)] = "") -> Response:
    return house_of(request).renderer.page(request, "password.html", None, message="", name=name)


@router.post("/password")
def choose_password(
    request: Request,
    name: Annotated[str, Form(max_length=64)] = "",
    old: Annotated[str, Form(max_length=1000)] = "",
    new: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    house, address = house_of(request), _address(request)
    name = name.strip().lower()
    try:
        house.limiter.check(name, address)
        user = house.people.choose_password(name, old, new)
    except TooMany as error:
        return _again(request, "password.html", WAIT, 429, {"Retry-After": str(error.retry_after_s)}, name=name)
    except BadInput:
        return _again(request, "password.html", WEAK, 422, {}, name=name)
    if user is None:
        house.limiter.failed(name, address)
        return _again(request, "password.html", WRONG, 401, {}, name=name)
    return _welcome(house, user.name, "/")


@router.post("/logout")
def logout(request: Request, next: Annotated[str, Form(max_length=500)] = "") -> Response:
    """`next`: where whoever takes over the device goes on."""
    house = house_of(request)
    token = request.cookies.get(house.context.cookie, "")
    if token:
        house.people.end_session(token)
    address = local_path(next)
    response = RedirectResponse(f"/login?next={quote(address, safe='')}" if address else "/login", 303, {"Clear-Site-Data": '"cache"'})
    response.delete_cookie(house.context.cookie, secure=house.context.secure, httponly=True, samesite="lax")
    return response


def _welcome(house: House, name: str, address: str) -> Response:
    """A new session id at each login."""
    response = RedirectResponse(address, 303)
    token = house.people.create_session(name)
    response.set_cookie(house.context.cookie, token, max_age=SESSION_US // SECOND_US, path="/", secure=house.context.secure, httponly=True, samesite="lax")
    return response


def _again(request: Request, template: str, message: str, status: int, headers: dict[str, str], **values: Any) -> Response:
    page = house_of(request).renderer.page(request, template, None, status=status, message=message, **values)
    page.headers.update(headers)
    return page


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
