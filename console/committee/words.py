"""Words of the committee, marked for translation."""

from __future__ import annotations

from console.i18n import N_

SIDES = {"worker": N_("worker side"), "management": N_("management side")}
SIDE_TITLES = {"worker": N_("Worker side"), "management": N_("Management side")}
COUNTED = {**SIDE_TITLES, "both": N_("Both sides")}
STATES = {
    "open": N_("open"),
    "agreed": N_("both sides agree"),
    "dissent": N_("a side dissents"),
    "closed": N_("closed"),
    "reopened": N_("opened again: the data changed, or somebody asked"),
}
KINDS = {"alert": N_("alert"), "late_excursion": N_("excursion found in late data"), "exceedance": N_("shift result over its limit")}
CLASSIFICATIONS = {
    "exposure": N_("an exposure"),
    "sensor_fault": N_("a sensor fault"),
    "test": N_("a test"),
    "no_hazard": N_("no hazard to anybody"),
}
CONTROLS = {
    "elimination": N_("1. Elimination: the hazard is gone"),
    "substitution": N_("2. Substitution: something less harmful instead"),
    "engineering": N_("3. Engineering: extraction, enclosure, cooling, insulation"),
    "administrative": N_("4. Organisation: rest, rotation, timing, training"),
    "ppe": N_("5. Personal protective equipment"),
}
WORDS = {
    "planned": N_("planned"),
    "done": N_("done (self-declared)"),
    "checked": N_("checked by the worker side"),
    "verified": N_("verified (inspectorate or programme)"),
    "not_done": N_("looked at: not done"),
}
CAP = {
    "cap_pending": N_("CAP pending"),
    "on_track": N_("on track"),
    "behind_schedule": N_("behind schedule"),
    "initial_cap_completed": N_("initial CAP completed"),
}
CAUSES = {
    "weather": N_("hot weather"),
    "heat_source_bare": N_("heat source not insulated or screened"),
    "ventilation_weak": N_("ventilation missing, weak or off"),
    "cooling_failed": N_("cooling failed"),
    "work_heavier": N_("work heavier or faster than planned"),
    "rest_not_taken": N_("rest or water breaks not given"),
    "machine_worn": N_("machine worn or badly set"),
    "enclosure_open": N_("enclosure open or removed"),
    "compressed_air": N_("compressed air used for cleaning"),
    "layout": N_("machines or people too close together"),
    "extraction_failed": N_("local extraction failed or off"),
    "filter_full": N_("filter full"),
    "housekeeping": N_("dust not removed"),
    "too_many_people": N_("too many people for the air supply"),
    "container_open": N_("container left open"),
    "spill": N_("spill or leak"),
    "substitute_not_used": N_("a less harmful product was there and not used"),
    "combustion": N_("burner or engine"),
    "power_cut": N_("power cut"),
    "network_down": N_("network down"),
    "sensor_broken": N_("sensor broken"),
    "sensor_moved": N_("sensor moved or covered"),
    "maintenance_overdue": N_("maintenance overdue"),
    "training_missing": N_("training or instruction missing"),
    "not_known": N_("not known yet"),
    "other": N_("other (say it below)"),
}
AGENDA = {
    "stop_level": N_("Stop-level alert under review"),
    "reopened": N_("Opened again"),
    "dissent": N_("A side dissents"),
    "overdue": N_("Action overdue"),
    "no_cause": N_("No cause entered"),
    "no_action": N_("No action entered"),
    "to_sign": N_("Waits for signatures"),
    "to_check": N_("Declared done: to be checked by the worker side"),
    "to_verify": N_("Checked: to be verified by the inspectorate or the programme"),
}
CHOSEN = {"election": N_("elected by the workers"), "union": N_("named by the union"), "none": N_("not elected")}
SEXES = {"woman": N_("woman"), "man": N_("man"), "not_said": N_("not said")}
DOES = {"create": N_("make a new account"), "reset": N_("reset the log-in"), "revoke": N_("revoke the account")}
REQUEST_STATES = {"waiting": N_("waits for a second worker-side holder"), "done": N_("done"), "refused": N_("refused")}
TOUCHES = {
    "role changed": N_("role changed"),
    "user deactivated": N_("account closed"),
    "password reset": N_("log-in reset"),
    "sessions ended": N_("logged out"),
    "token created": N_("API token made"),
}
FACTS = {
    "value": N_("value"),
    "severity": N_("severity"),
    "limit": N_("limit"),
    "ended_at": N_("end"),
    "started_at": N_("beginning"),
    "state": N_("state"),
    "revision": N_("revision"),
    "data_lost": N_("lost data"),
    "unit": N_("unit"),
}
ENTRIES = {
    "opened": N_("taken into review"),
    "facts": N_("the data changed"),
    "cause": N_("cause entered"),
    "action": N_("action entered"),
    "said": N_("a word on an action"),
    "evidence": N_("evidence added"),
    "signed": N_("signed"),
    "dissent": N_("later dissent"),
    "closed": N_("closed"),
    "reopened": N_("opened again"),
    "overdue": N_("overdue: both sides are told"),
    "to_inspector": N_("still overdue: the inspector sees it"),
}
