"""`oshwatch user` and `oshwatch token`: the secret is printed once, alone on the last line of stdout."""

from __future__ import annotations

import argparse
import sys

from domain.ids import is_id
from oshwatch.parts import prepare
from oshwatch.settings import load_settings


def add_user(options: argparse.Namespace) -> None:
    from storage.records.people import PeopleRepository, new_password
    from storage.records.registry import RegistryRepository

    settings = load_settings(config=options.config)
    engine = prepare(settings)
    people = PeopleRepository(engine)
    password = new_password()
    user = people.add_user(
        name=options.name,
        role=options.role,
        grant=options.scope,
        password=password,
        email=options.email,
        locale=options.locale,
        by="command line",
        operator=settings.operator,
        one_time=True,
    )
    if is_id(user.grant) and user.grant not in RegistryRepository(engine).load().latest().sites:
        print(f"note: no site '{user.grant}' is registered yet; until it is, {user.name} sees nothing", file=sys.stderr)
    print(f"{user.name}: {user.role.value}, scope {user.grant}. A one-time password, to be replaced at the first log-in:")
    print(password)


def create_token(options: argparse.Namespace) -> None:
    from storage.records.people import PeopleRepository

    settings = load_settings(config=options.config)
    token = PeopleRepository(prepare(settings)).create_token(options.user, options.days, by="command line")
    print(f"token for {options.user}, valid {'until revoked' if options.days is None else f'{options.days} days'}:")
    print(token)
