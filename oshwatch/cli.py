"""The command `oshwatch`: parses arguments, calls one function of `commands`, and turns errors into one line and an exit code."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from domain.errors import BadInput, NotFound, OshwatchError, Refused

EXIT_DONE, EXIT_FOUND_WRONG, EXIT_BAD_INPUT = 0, 1, 2

Add = Callable[[argparse.ArgumentParser], None]


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Runs one command; returns 0 done, 1 ran and found something wrong, 2 used wrongly or bad input."""
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    options = _parsed(arguments)
    try:
        module, _, function = options.call.partition(":")
        code: int | None = getattr(import_module(f"oshwatch.commands.{module}"), function)(options)
    except OshwatchError as error:
        print(f"oshwatch: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_BAD_INPUT if isinstance(error, (BadInput, Refused, NotFound)) else EXIT_FOUND_WRONG
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE
    return code or EXIT_DONE


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if options.command == "calc":  # argparse leaves positional words that come after an option
        options.values += [word for word in rest if not word.startswith("-")]
        rest = [word for word in rest if word.startswith("-")]
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


class _Parser(argparse.ArgumentParser):
    """One line that says what to do, as every error here."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_BAD_INPUT, f"{self.prog}: {message} (`{self.prog} --help` shows how)\n")


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="oshwatch", description="Watches heat, noise, air and chemicals on a factory floor. Not a safety function: it replaces no certified detector and no alarm."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _demo,
        _serve,
        _simulate,
        _registry,
        _people,
        _concerns,
        _limits,
        _statistics,
        _assess,
        _calc,
        _models,
        _quarantine,
        _timeseries,
        _records,
        _backup,
        _alerts,
        _plan,
        _grafana,
        _bench,
        _doctor,
    ):
        add(commands)
    return parser


def _command(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help: str, example: str, call: str = "") -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help, description=help, epilog=f"example: {example}", formatter_class=argparse.RawDescriptionHelpFormatter)
    if call:
        parser.set_defaults(call=call)
    return parser


def _group(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help: str, example: str) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    return _command(commands, name, help, example).add_subparsers(dest="action", required=True, metavar="ACTION")


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in a TOML file; the environment wins")


def _demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "demo", "a whole factory on this machine, simulated: sensors, agents, broker, centre, pages", "oshwatch demo --port 8080", "demo:demo")
    parser.add_argument("--port", type=int, help="port of the pages (default 8080, or a free one when it is taken; 0: a free one)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where it keeps its data (default: a new temporary folder)")
    parser.add_argument("--scenario", default="hot-afternoon", metavar="NAME", help="what happens (default hot-afternoon)")
    parser.add_argument("--speed", type=float, default=1.0, metavar="N", help="scenario time runs N times as fast")


def _serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "serve", "the centre against real servers: ingest, alerts, console and watchdog, or one of them", "oshwatch serve --config /etc/oshwatch.toml", "serve:serve"
    )
    parser.add_argument("part", nargs="?", choices=("ingest", "alerts", "console", "watchdog"), help="only this part")
    _config(parser)


def _simulate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = _group(commands, "simulate", "virtual devices, fleets of agents, long records", "oshwatch simulate devices --scenario hot-afternoon --dir /tmp/devices")
    devices = _command(
        actions,
        "devices",
        "virtual serial and Modbus devices; prints their paths as JSON and serves until stopped",
        "oshwatch simulate devices --scenario hot-afternoon --dir /tmp/devices",
        "simulate:devices",
    )
    devices.add_argument("--scenario", default="hot-afternoon", metavar="NAME")
    devices.add_argument("--dir", type=Path, required=True, metavar="DIR")
    fleet = _command(
        actions, "fleet", "load: many agents as the wire sees them", "oshwatch simulate fleet --agents 200 --channels 20 --rate 1 --mqtt mqtt://127.0.0.1:1883", "simulate:fleet"
    )
    fleet.add_argument("--agents", type=int, required=True, metavar="N")
    fleet.add_argument("--channels", type=int, required=True, metavar="M", help="channels an agent")
    fleet.add_argument("--rate", type=float, required=True, metavar="HZ", help="readings a second and channel")
    fleet.add_argument("--mqtt", required=True, metavar="URL")
    fleet.add_argument("--packs-of", type=int, default=0, metavar="K", help="readings a pack (default: one of each channel)")
    fleet.add_argument("--duration", type=float, metavar="S", help="stop after this many seconds (default: on Ctrl-C)")
    fleet.add_argument("--registry", type=Path, metavar="FILE", help="write the registry file of this fleet and stop")
    history = _command(
        actions,
        "history",
        "days or months of a factory: what its sensors said, what was true, which event or fault each sample belongs to",
        "oshwatch simulate history --scenario garment-month --days 30 --out month",
        "simulate:history",
    )
    history.add_argument("--scenario", default="garment-month", metavar="NAME")
    history.add_argument("--days", type=int, required=True, metavar="N")
    history.add_argument("--out", type=Path, required=True, metavar="DIR")
    history.add_argument("--start", default="2026-05-01", metavar="DATE", help="first local day (default 2026-05-01)")
    history.add_argument("--interval", type=int, default=10, metavar="S", help="seconds between rows (default 10)")
    history.add_argument("--seed", type=int, metavar="N", help="another one than the scenario's")
    history.add_argument("--format", choices=("csv", "parquet"), default="csv")


def _registry(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = _group(commands, "registry", "sites, shifts, zones, agents, channels, calibrations", "oshwatch registry import site.yaml --by 'A. Officer' --reason 'new line'")
    importing = _command(
        actions,
        "import",
        "take in a registry file: a dated change, never a rewriting of the past",
        "oshwatch registry import site.yaml --by 'A. Officer' --reason 'new line'",
        "registry:import_file",
    )
    importing.add_argument("file", type=Path, metavar="FILE.yaml")
    importing.add_argument("--by", default="", metavar="NAME")
    importing.add_argument("--reason", default="", metavar="TEXT")
    _config(importing)
    exporting = _command(actions, "export", "a site as it holds now, as a registry file", "oshwatch registry export --site f1 > f1.yaml", "registry:export")
    exporting.add_argument("--site", required=True, metavar="S")
    _config(exporting)


def _people(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    users = _group(commands, "user", "people who may log in", "oshwatch user add linh --role officer --scope f1")
    adding = _command(users, "add", "add a person; prints a one-time password alone on the last line", "oshwatch user add linh --role officer --scope f1", "people:add_user")
    adding.add_argument("name", metavar="NAME")
    adding.add_argument("--role", required=True, metavar="R")
    adding.add_argument("--scope", required=True, metavar="S", help="a site id, country:XX or *")
    adding.add_argument("--email", default="", metavar="ADDRESS", help="where alerts are sent")
    adding.add_argument("--locale", default="", metavar="LL")
    _config(adding)
    tokens = _group(commands, "token", "API tokens", "oshwatch token create --user linh --days 30")
    creating = _command(tokens, "create", "an API token; printed once, alone on the last line", "oshwatch token create --user linh --days 30", "people:create_token")
    creating.add_argument("--user", required=True, metavar="NAME")
    creating.add_argument("--days", type=int, metavar="N", help="valid for so many days (default: until revoked)")
    _config(creating)


def _concerns(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    keys = _group(commands, "keys", "keys with which concerns are sealed, and opened by the worker side or the inspectorate", "oshwatch keys create --side worker --site f1")
    _command(keys, "generate", "a pair of keys, on a computer of one's own; the private key alone on the last line", "oshwatch keys generate", "concerns:generate")
    creating = _command(
        keys,
        "create",
        "store a side's public key, or make a pair and print the private key once",
        "oshwatch keys create --side worker --site f1 --public-key KEY",
        "concerns:create",
    )
    creating.add_argument("--side", required=True, choices=("worker", "inspectorate"))
    creating.add_argument("--site", required=True, metavar="S")
    creating.add_argument("--public-key", default="", metavar="KEY", help="of a pair made elsewhere, then no private key is ever here; one that begins with - as --public-key=KEY")
    creating.add_argument("--replace", action="store_true", help="from now on seal to this key instead of the one before")
    _config(creating)
    listing = _command(keys, "list", "whose keys a site has, with fingerprints", "oshwatch keys list --site f1", "concerns:list_keys")
    listing.add_argument("--site", required=True, metavar="S")
    _config(listing)
    actions = _group(commands, "concerns", "what workers wrote without a name", "oshwatch concerns read --key key.txt --input concerns-f1.json")
    reading = _command(
        actions, "read", "open a sealed file with a private key, on a computer of one's own", "oshwatch concerns read --key key.txt --input concerns-f1.json", "concerns:read"
    )
    reading.add_argument("--key", type=Path, required=True, metavar="FILE", help="holds the private key")
    reading.add_argument("--input", type=Path, required=True, metavar="FILE.json", help="the sealed file, from the site's page of concerns")


def _limits(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = _group(commands, "limits", "limit profiles: dated, with their sources", "oshwatch limits show us-niosh")
    _command(actions, "list", "all profiles", "oshwatch limits list", "limits:list_profiles")
    showing = _command(actions, "show", "one profile, limit by limit", "oshwatch limits show us-niosh", "limits:show")
    showing.add_argument("id", metavar="ID")
    showing.add_argument("--agent", metavar="AGENT", help="heat, noise or a CAS number: what was in force for it, and where it is written")
    showing.add_argument("--on", metavar="DATE", help="on that day (default: today)")
    _command(actions, "check", "do ppm and mg/m3 reconcile, do dates overlap, is every source named", "oshwatch limits check", "limits:check")


def _assess(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "assess",
        "exposure results of a file of samples, without a server",
        "oshwatch assess --profile us-niosh --input samples.csv --context site.yaml",
        "assess:assess",
    )
    parser.add_argument("--profile", required=True, nargs="+", action="extend", metavar="ID", help="limit profiles (oshwatch limits list)")
    parser.add_argument("--input", type=Path, required=True, metavar="FILE.csv", help="time,quantity,value and optionally zone,unit,q,r")
    parser.add_argument(
        "--context", type=Path, metavar="FILE.yaml", help="a registry file: time zone, shifts, work rate, clothing, intervals, calibrations, and laboratory results"
    )
    parser.add_argument("--json", action="store_true", help="all that a verdict says, for programs")


def _models(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    example = "oshwatch models score --input zone.csv --period 60 --peers next-door.csv --out scored.csv"
    actions = _group(commands, "models", "sensor fault or event: the streaming models and their life", example)
    scoring = _command(actions, "score", "run the streaming models over a recorded series", example, "models:score")
    scoring.add_argument("--input", type=Path, required=True, metavar="FILE.csv", help="`time` and one column a channel, rows in time order, empty: missing")
    scoring.add_argument("--period", type=float, required=True, metavar="SECONDS", help="time between two rows")
    scoring.add_argument("--peers", type=Path, nargs="+", metavar="FILE.csv", help="the same quantities elsewhere, to compare with")
    scoring.add_argument("--out", type=Path, required=True, metavar="FILE.csv", help="the same rows with score, p_fault, p_event, fault_type, culprit, alarm")
    for name, what in (
        ("train", "teach a challenger on a record"),
        ("evaluate", "challenger and champion on a later record, in the shadow"),
        ("promote", "the challenger becomes the champion, when a later week shows it is not worse"),
        ("rollback", "the earlier champion again"),
    ):
        takes_record = "" if name == "rollback" else " --input record.csv --period 60"
        step = _command(actions, name, what, f"oshwatch models {name} --models ./models{takes_record}", f"models:{name}")
        step.add_argument("--models", type=Path, required=True, metavar="DIR", help="where champion, challenger and earlier ones are kept")
        if takes_record:
            step.add_argument("--input", type=Path, required=True, metavar="FILE.csv", help="`time` and one column a channel, rows in time order, empty: missing")
            step.add_argument("--period", type=float, required=True, metavar="SECONDS", help="time between two rows")
    watching = _command(actions, "monitor", "what the drift monitors of the running models say", "oshwatch models monitor --models data/models", "models:monitor")
    watching.add_argument("--models", type=Path, required=True, metavar="DIR", help="the folder `models` of the data folder")


def _statistics(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "statistics",
        "statistics of a set of shift results or lab samples against a limit",
        "oshwatch statistics --oel 50 --input toluene.txt --basis personal",
        "statistics:statistics",
    )
    parser.add_argument("--oel", type=float, required=True, metavar="X", help="the limit, in the unit of the results")
    parser.add_argument("--input", type=Path, required=True, metavar="FILE", help="one result a line: 24.7, <5.5, >10, [1-2]; # starts a comment")
    parser.add_argument(
        "--basis", choices=("personal", "area"), default="area", help="personal: results of one similar exposure group, decided after EN 689 (default area: no decision)"
    )
    parser.add_argument(
        "--bias", type=float, default=0.0, metavar="B", help="relative error of the instrument that all shifts share, for the share of area shifts over the limit: 0.1 for 10 %%"
    )
    parser.add_argument("--json", action="store_true")


def _calc(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "calc",
        "the hygienist's calculator: every formula by rows of a file, or for one set of values",
        "oshwatch calc list\n         oshwatch calc wbgt_indoor --method wick --input room.csv --out wbgt.csv\n         oshwatch calc niosh_rel metabolic_rate_w=300",
        "calc:calc",
    )
    parser.add_argument("name", metavar="NAME", help="a formula, or `list`: all of them with columns, validity and source")
    parser.add_argument("values", nargs="*", metavar="name=value", help="one set of inputs; the results are printed")
    parser.add_argument("--input", type=Path, metavar="FILE.csv", help="a table; units are in the names of its columns")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="where the table with its results goes (default: standard output)")
    parser.add_argument("--method", metavar="NAME", help="where a formula has several")


def _quarantine(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = _group(commands, "quarantine", "what could not be accepted, and why", "oshwatch quarantine list")
    listing = _command(actions, "list", "what is held", "oshwatch quarantine list", "quarantine:list_held")
    _config(listing)
    showing = _command(actions, "show", "one entry with its bytes", "oshwatch quarantine show 12", "quarantine:show")
    showing.add_argument("id", type=int, metavar="ID")
    _config(showing)
    retrying = _command(actions, "retry", "try entries again after their cause is mended", "oshwatch quarantine retry 12 13", "quarantine:retry")
    retrying.add_argument("id", type=int, nargs="+", metavar="ID")
    _config(retrying)


def _backup(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = _group(commands, "backup", "the embedded stores: copied while they run, checked, put back", "oshwatch backup create --out monday.oshbackup")
    creating = _command(
        actions, "create", "copy both stores and the data directory into one file, while the centre runs", "oshwatch backup create --out monday.oshbackup", "backup:create"
    )
    creating.add_argument("--out", type=Path, required=True, metavar="FILE.oshbackup")
    _config(creating)
    verifying = _command(actions, "verify", "read every byte of a backup and check its databases", "oshwatch backup verify monday.oshbackup", "backup:verify")
    verifying.add_argument("file", type=Path, metavar="FILE")
    restoring = _command(actions, "restore", "put a backup into a new data directory", "oshwatch backup restore monday.oshbackup --data /var/lib/oshwatch", "backup:restore")
    restoring.add_argument("file", type=Path, metavar="FILE")
    restoring.add_argument("--data", type=Path, required=True, metavar="DIR")


def _alerts(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    example = "oshwatch alerts replay --site f1 --from 2026-11-01 --to 2026-11-08 --policy f1-alarms.yaml"
    actions = _group(commands, "alerts", "what raises an alarm, tried on what is stored", example)
    replaying = _command(
        actions, "replay", "what a changed alarm policy would have raised, beside the present one; or what a policy makes of a simulated factory", example, "alerts:replay"
    )
    replaying.add_argument("--site", metavar="S", help="needed without --record")
    replaying.add_argument("--from", dest="start", metavar="A", help="a date (00:00 local) or a time; inclusive; needed without --record")
    replaying.add_argument("--to", dest="stop", metavar="B", help="exclusive; needed without --record")
    replaying.add_argument(
        "--policy", type=Path, metavar="FILE", help="a site's alarm policy (alerts/policy/site-schema.json); needed without --record (default there: the master alarm table)"
    )
    replaying.add_argument(
        "--record", type=Path, metavar="DIR", help="a simulated factory (oshwatch simulate history --format parquet --out DIR) instead of what is stored, held against its truth"
    )
    replaying.add_argument("--agents", default="", metavar="LIST", help="of a record only the channels of these, divided by commas (default: all)")
    replaying.add_argument("--every", type=int, default=1, metavar="MIN", help="of a record: minutes between two looks at the windows (default 1)")
    replaying.add_argument("--json", action="store_true", help="every alarm that came, for programs")
    _config(replaying)


def _plan(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = _group(commands, "plan", "the next day's heat plan, and the weather forecast that it rests on", "oshwatch plan show --site f1")
    taking = _command(actions, "weather", "read an hourly weather forecast and keep it", "oshwatch plan weather --site f1 forecast.csv", "plan:weather")
    taking.add_argument("source", metavar="FILE", help="CSV or JSON: a file, - for standard input, or an http(s) address; columns in docs/heat-plan.md")
    taking.add_argument("--site", required=True, metavar="S")
    taking.add_argument("--issued", default="", metavar="T", help="when it was made, of a CSV (default: now)")
    taking.add_argument("--name", default="", metavar="TEXT", help="whose forecast it is, of a CSV (default: the file's name)")
    taking.add_argument("--wind-height", type=float, default=10.0, metavar="M", help="height above ground to which the wind refers, of a CSV (default 10)")
    _config(taking)
    showing = _command(
        actions, "show", "what heat to expect by zone and hour, and the rest it asks for; exit 1 where nothing is known", "oshwatch plan show --site f1", "plan:show"
    )
    showing.add_argument("--site", required=True, metavar="S")
    showing.add_argument("--date", default="", metavar="DAY", help="a local date (default: tomorrow)")
    showing.add_argument("--json", action="store_true", help="as GET /api/v1/sites/{site}/heat-plan")
    _config(showing)


def _timeseries(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = _group(
        commands, "timeseries", "readings from store to store, how long they are kept, what is held", "oshwatch timeseries copy --from sqlite:////var/a --to sqlite:////var/b"
    )
    copying = _command(
        actions,
        "copy",
        "copy all readings and minutes, verified by counts and checksums; run again to go on or to catch up",
        "oshwatch timeseries copy --from sqlite:////var/lib/oshwatch/timeseries --to 'influxdb://db:8086?org=O&bucket=B'",
        "timeseries:copy",
    )
    copying.add_argument("--from", required=True, metavar="URL", dest="source")
    copying.add_argument("--to", required=True, metavar="URL", dest="target")
    copying.add_argument("--verify-only", action="store_true", help="compare, write nothing")
    listing = _command(actions, "retention", "the rules that hold", "oshwatch timeseries retention", "timeseries:retention")
    example = "oshwatch timeseries retain --readings-days 400 --minutes-days 3650 --by 'A. Officer' --reason 'storage plan 2026'"
    retaining = _command(actions, "retain", "set how long readings and minutes are kept (without a rule: for ever)", example, "timeseries:retain")
    retaining.add_argument("--site", default="*", metavar="S")
    retaining.add_argument("--quantity", default="*", metavar="Q")
    retaining.add_argument("--readings-days", type=int, required=True, metavar="N")
    retaining.add_argument("--minutes-days", type=int, metavar="N", help="default: as readings")
    expiring = _command(actions, "expire", "delete now what the rules let go and nothing holds; each deletion is recorded", "oshwatch timeseries expire", "timeseries:expire")
    holding = _command(
        actions,
        "hold",
        "let retention delete nothing of a site in a span; prints the number of the hold",
        "oshwatch timeseries hold --site f1 --kind inspector --from 2026-01-01T00:00:00Z --by 'I. Inspector' --reference 'letter 17/2026'",
        "timeseries:hold",
    )
    holding.add_argument("--site", required=True, metavar="S")
    holding.add_argument("--kind", required=True, choices=("review", "evidence", "inspector"))
    holding.add_argument("--from", required=True, metavar="TIME", dest="start")
    holding.add_argument("--to", default="", metavar="TIME", dest="stop", help="default: with all that is still to come")
    holding.add_argument("--reference", required=True, metavar="TEXT")
    releasing = _command(actions, "release", "end a hold", "oshwatch timeseries release 3 --by 'I. Inspector' --reason 'case closed'", "timeseries:release")
    releasing.add_argument("id", type=int, metavar="ID")
    held = _command(actions, "holds", "what is held", "oshwatch timeseries holds", "timeseries:holds")
    held.add_argument("--all", action="store_true", help="also what was released")
    for parser in (retaining, holding, releasing):
        parser.add_argument("--by", required=True, metavar="NAME")
    for parser in (retaining, releasing):
        parser.add_argument("--reason", required=True, metavar="TEXT")
    for parser in (copying, listing, retaining, expiring, holding, releasing, held):
        _config(parser)


def _records(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    example = "oshwatch records copy --from sqlite:////var/lib/oshwatch/oshwatch.db --to postgresql+psycopg://oshwatch@db/oshwatch"
    actions = _group(commands, "records", "everything but the readings, from database to database", example)
    copying = _command(actions, "copy", "copy all tables of a centre that stands still into an empty database, verified by counts and digests", example, "records:copy")
    copying.add_argument("--from", required=True, metavar="URL", dest="source")
    copying.add_argument("--to", required=True, metavar="URL", dest="target")
    copying.add_argument("--verify-only", action="store_true", help="compare, write nothing")
    copying.add_argument("--rehearsal", action="store_true", help="also while the centre runs: one consistent moment, to try with")
    _config(copying)


def _grafana(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    actions = _group(commands, "grafana", "dashboards as code", "oshwatch grafana render --out /etc/grafana/provisioning")
    rendering = _command(actions, "render", "write dashboards and provisioning files", "oshwatch grafana render --out /etc/grafana/provisioning", "grafana:render")
    rendering.add_argument("--out", type=Path, required=True, metavar="DIR")
    applying = _command(actions, "apply", "send the dashboards to a running Grafana", "GRAFANA_TOKEN=... oshwatch grafana apply --url http://grafana:3000", "grafana:apply")
    applying.add_argument("--url", required=True, metavar="U")


def _bench(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "bench", "measure this machine: prints readings/s, p50/p99, peak RSS", "oshwatch bench ingest --json", "bench:bench")
    parser.add_argument("what", choices=("ingest", "evaluate", "alerts", "query", "edge", "demo", "workers", "live"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--year", type=int, nargs="?", const=312, metavar="SHIFTS", help="evaluate: also a factory-year computed again, of so many shifts (default 312; takes minutes to fill)"
    )
    parser.add_argument("--days", type=int, default=365, metavar="N", help="alerts: days of 10,000 alerts in the journal (default 365: some GB for some minutes)")
    parser.add_argument("--rows", type=int, default=5_184_000, metavar="N", help="query: readings in the store (default 5184000, some minutes; 51840000: a month of 200 channels)")


def _doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "doctor", "what is wrong with this installation, in plain words", "oshwatch doctor", "doctor:doctor")
    _config(parser)
