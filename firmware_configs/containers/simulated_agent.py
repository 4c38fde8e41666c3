"""In a container: the virtual devices of a scenario and one agent that reads them; or the registry file that tells the centre of that factory.

simulated_agent.py site                      prints the registry file
simulated_agent.py run --mqtt URL --ca-file FILE --password-file FILE --data DIR
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import msgspec
import yaml

from domain.clock import SystemClock
from oshwatch.supervise import Child, Supervisor, python
from simulator.scenario import Scenario, load_scenario

DEVICES_WITHIN_S = 30.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("site", "run"))
    parser.add_argument("--scenario", default="hot-afternoon")
    parser.add_argument("--mqtt", default="mqtts://broker:8883")
    parser.add_argument("--ca-file", default="/run/secrets/ca.crt")
    parser.add_argument("--password-file", default="/run/secrets/mqtt_agent-1")
    parser.add_argument("--data", type=Path, default=Path("/var/lib/oshwatch"))
    options = parser.parse_args()
    scenario = load_scenario(options.scenario)
    return _site(scenario) if options.action == "site" else _run(scenario, options)


def _site(scenario: Scenario) -> int:
    file = msgspec.to_builtins(scenario.site_file(SystemClock().now_us()))
    sys.stdout.write(yaml.safe_dump(file, sort_keys=False, allow_unicode=True))
    return 0


def _run(scenario: Scenario, options: argparse.Namespace) -> int:
    supervisor = Supervisor()
    supervisor.stop_on_signals()
    ports = _start_devices(supervisor, scenario, options.data / "devices")
    agent = scenario.agents[0]
    mqtt = {"url": options.mqtt, "username": agent, "password_file": options.password_file, "ca_file": options.ca_file}
    config = scenario.agent_config(agent, ports=ports, mqtt=mqtt, data_dir=str(options.data / "agent"))
    path = options.data / "agent.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    supervisor.start(Child(name=agent, command=[str(Path(sys.executable).with_name("oshwatch-edge")), "run", "--config", str(path)]))
    return supervisor.run()


def _start_devices(supervisor: Supervisor, scenario: Scenario, directory: Path) -> dict[str, str]:
    directory.mkdir(parents=True, exist_ok=True)
    listing = directory / "devices.json"
    listing.unlink(missing_ok=True)
    supervisor.start(Child(name="devices", command=python("simulate", "devices", "--scenario", scenario.source, "--dir", str(directory))))
    deadline = time.monotonic() + DEVICES_WITHIN_S
    while not listing.exists():
        if time.monotonic() > deadline or not supervisor.wait(0.05):
            sys.exit("the virtual devices did not start; see the messages above")
    found = json.loads(listing.read_text(encoding="utf-8"))["devices"]
    return {name: device["path"] for name, device in found.items()}


if __name__ == "__main__":
    sys.exit(main())
