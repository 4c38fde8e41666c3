"""All tables of the records database. Times are microseconds since the epoch; what is append-only has no update path in its repository."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint, false

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself only for INTEGER PRIMARY KEY

registry_entries = Table(
    "registry_entries",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("site", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("thing", String(255), nullable=False),
    Column("valid_from_us", BigInteger, nullable=False),
    Column("recorded_us", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# Ingest's ledger: which packs are durably stored.
packs = Table(
    "packs",
    metadata,
    Column("agent", String(64), primary_key=True),
    Column("boot", String(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("arrived_us", BigInteger, nullable=False),
)

cursors = Table(  # compact form of all committed seqs of a boot, for acknowledgements; `also` is JSON [[from, to], ...]
    "cursors",
    metadata,
    Column("agent", String(64), primary_key=True),
    Column("boot", String(64), primary_key=True),
    Column("upto", BigInteger, nullable=False),
    Column("also", Text, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("agent", String(64), nullable=False),
    Column("site", String(64), nullable=False),  # "" while the agent is unknown
    Column("boot", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),  # -1 where it could not be read
    Column("refusal", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # the whole pack, or one record's JSON
    Column("whole", Boolean, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("arrived_us", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # held | accepted
    Column("times", Integer, nullable=False),  # how often the same came again
    UniqueConstraint("agent", "digest", "refusal"),
)
Index("ix_quarantine_site_state", quarantine.c.site, quarantine.c.state)

conflicts = Table(  # two values for one (channel, time): both are kept here
    "conflicts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("channel", String(255), nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("stood", Text, nullable=False),  # JSON of the reading that stands
    Column("other", Text, nullable=False),
    Column("arrived_us", BigInteger, nullable=False),
    UniqueConstraint("channel", "time_us", "stood", "other"),
)

gaps = Table(  # spans without samples, with a cause; declared by the agent or found by the centre
    "gaps",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("agent", String(64), nullable=False),
    Column("boot", String(64), nullable=False),
    Column("seq", BigInteger, nullable=False),  # of the event that declared it; -1: found by the centre
    Column("sensor", String(64), nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("stop_us", BigInteger, nullable=False),
    Column("from_seq", BigInteger, nullable=False),  # -1: names no seqs; a NULL would make no two rows equal
    Column("to_seq", BigInteger),
    Column("cause", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("arrived_us", BigInteger, nullable=False),
    UniqueConstraint("agent", "boot", "seq", "sensor", "start_us", "stop_us", "from_seq"),  # a declared gap that packs shrink may fall in two
)

unsynchronised = Table(  # what a boot sent with a wrong clock; `spans` is JSON {channel: [first_us, last_us]} of what still stands at a wrong time
    "unsynchronised",
    metadata,
    Column("agent", String(64), primary_key=True),
    Column("boot", String(64), primary_key=True),
    Column("spans", Text, nullable=False),
    Column("offset_us", BigInteger),
)
clock_events = Table(  # by how much what a boot sent before `seq` is wrong: also for packs that come after a restart
    "clock_events",
    metadata,
    Column("agent", String(64), primary_key=True),
    Column("boot", String(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("offset_us", BigInteger, nullable=False),
)
ingest_workers = Table(  # the workers that are alive, where several share the agents
    "ingest_workers",
    metadata,
    Column("token", String(32), primary_key=True),  # one run of a worker
    Column("name", String(64), nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)

ingest_leases = Table(  # which worker owns which slot of the agents; a commit holds only while its epoch does
    "ingest_leases",
    metadata,
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("slots", Integer, nullable=False),  # of how many
    Column("epoch", BigInteger, nullable=False),
    Column("token", String(32), nullable=False),  # "" when given back
    Column("name", String(64), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)

touched = Table(  # late data: which channels and spans of one commit assess has to look at again
    "touched_batches",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("arrived_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON: [channel, start_us, stop_us] of each
)

agents = Table(  # what the wire says of each agent, known or waiting to be enrolled
    "agents",
    metadata,
    Column("agent", String(64), primary_key=True),
    Column("state", String(16), nullable=False),  # online | offline | unknown
    Column("boot", String(64), nullable=False),
    Column("version", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("last_seen_us", BigInteger, nullable=False),
    Column("state_since_us", BigInteger, nullable=False),
    Column("health", Text, nullable=False),  # JSON of the last health message, or ""
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("site", String(64), nullable=False),
    Column("zone", String(128), nullable=False),
    Column("shift_date", String(10), nullable=False),
    Column("shift_name", String(64), nullable=False),
    Column("shift_start_us", BigInteger, nullable=False),
    Column("shift_stop_us", BigInteger, nullable=False),
    Column("placement", String(128), nullable=False),  # also `placement@agent`
    Column("hazard", String(64), nullable=False),
    Column("metric", String(64), nullable=False),
    Column("limit_ref", String(128), nullable=False),  # profile/limit id
    Column("revision", Integer, nullable=False),
    Column("final", Boolean, nullable=False),  # False while its shift runs: appended minutes update it in place
    Column("why", Text, nullable=False),  # what made this revision
    Column("computed_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of domain.verdict.Verdict
    UniqueConstraint("zone", "shift_date", "shift_name", "placement", "hazard", "metric", "limit_ref", "revision"),
)
Index("ix_verdicts_site_start", verdicts.c.site, verdicts.c.shift_start_us)

assessed_shifts = Table(  # ended shifts that were computed, whether or not that said anything new
    "assessed_shifts",
    metadata,
    Column("zone", String(128), primary_key=True),
    Column("shift_date", String(10), primary_key=True),
    Column("shift_name", String(64), primary_key=True),
    Column("start_us", BigInteger, nullable=False),
    Column("stop_us", BigInteger, nullable=False),
    Column("computed_us", BigInteger, nullable=False),
    Column("again_us", BigInteger),  # to be compared once more when what held before a contested change is over
    Index("ix_assessed_shifts_again", "again_us"),
)

zone_states = Table(  # the live state that assess last computed, for the floor
    "zone_states",
    metadata,
    Column("zone", String(128), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("computed_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of assess.live.LiveZone
)

# Alerts: state is a fold of the journal; `open_alerts` only guards "one open alert per zone, hazard and type".
alert_journal = Table(
    "alert_journal",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("alert", String(64), nullable=False),
    Column("site", String(64), nullable=False),
    Column("zone", String(128), nullable=False),
    Column("hazard", String(64), nullable=False),
    Column("type", String(64), nullable=False),
    Column("step", String(32), nullable=False),  # raised, escalated, value, returned, acknowledged, commented, ...
    Column("event_us", BigInteger, nullable=False),  # event time
    Column("recorded_us", BigInteger, nullable=False),
    Column("by", Text, nullable=False),  # "" for the system
    Column("role", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON
)
Index("ix_alert_journal_alert", alert_journal.c.alert)
Index("ix_alert_journal_site", alert_journal.c.site, alert_journal.c.id)

open_alerts = Table(
    "open_alerts",
    metadata,
    Column("zone", String(128), primary_key=True),
    Column("hazard", String(64), primary_key=True),
    Column("type", String(64), primary_key=True),
    Column("alert", String(64), nullable=False),
)

notifications = Table(  # outbox and delivery record
    "notifications",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("alert", String(64), nullable=False),
    Column("reason", String(64), nullable=False),  # raised, escalated, ...
    Column("channel", String(32), nullable=False),  # smtp, ...
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("next_try_us", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # waiting | sent | failed
    Column("last_error", Text, nullable=False),
    Column("sent_us", BigInteger),
    Column("site", String(64), nullable=False, server_default=""),
    UniqueConstraint("alert", "reason", "channel", "recipient"),
)
Index("ix_notifications_state", notifications.c.state, notifications.c.next_try_us)
Index("ix_notifications_site", notifications.c.site, notifications.c.id)

contacts = Table(  # how a person wants to be reached, beside the e-mail address and language of `users`
    "contacts",
    metadata,
    Column("user", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),  # JSON of storage.records.contacts.Contact
    Column("changed_us", BigInteger, nullable=False),
)

rosters = Table(  # who is on duty; a row is ended, never changed
    "rosters",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("site", String(64), nullable=False),
    Column("shift", String(64), nullable=False),  # "" for every shift
    Column("first", String(10), nullable=False),  # local dates, both inclusive
    Column("last", String(10), nullable=False),
    Column("user", String(64), nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("ended_by", Text, nullable=False),
    Column("ended_us", BigInteger),
    Index("ix_rosters_site", "site", "last"),
)

notification_settings = Table(  # a site's times of the daily digest and the weekly test
    "notification_settings",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),  # JSON of storage.records.contacts.SiteTimes
    Column("changed_by", Text, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
)

channel_proofs = Table(  # the chain test: a silent proof of a channel that was asked for, and the receipt
    "channel_proofs",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("kind", String(80), nullable=False),  # silent | weekly@site
    Column("asked_us", BigInteger, nullable=False),
    Column("received_us", BigInteger),
    Column("problem", Text, nullable=False),
    Index("ix_channel_proofs_channel", "channel", "kind", "id"),
)

users = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(32), nullable=False),
    Column("grant", String(64), nullable=False),
    Column("password_hash", Text, nullable=False),  # argon2id; "" = no password login
    Column("email", Text, nullable=False),
    Column("locale", String(16), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user", String(64), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("last_used_us", BigInteger, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user", String(64), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger),
    Column("last_used_us", BigInteger),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

suspects = Table(  # what the anomaly model suspects now; never read by a rule or a verdict
    "suspects",
    metadata,
    Column("channel", String(255), primary_key=True),
    Column("kind", String(16), nullable=False),  # fault | event
    Column("fault_type", String(32), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("score", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("evidence", Text, nullable=False, server_default=""),  # JSON of models.anomaly.Evidence; empty: none
)

services = Table(  # heartbeat and counters of each running part: for /readyz, /metrics and doctor
    "services",
    metadata,
    Column("name", String(64), primary_key=True),  # ingest, alerts, console
    Column("pid", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False),  # real time of the heartbeat, also under a scenario clock
    Column("ready", Boolean, nullable=False),
    Column("problem", Text, nullable=False),  # why it is not ready, in plain words
    Column("counters", Text, nullable=False),  # JSON name → number
)

lab_results = Table(  # pump samples and other analyses, append-only; `body` is the whole of what the laboratory said
    "lab_results",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("site", String(64), nullable=False),
    Column("zone", String(128), nullable=False),
    Column("agent", String(64), nullable=False),  # CAS number or dust fraction
    Column("start_us", BigInteger, nullable=False),
    Column("stop_us", BigInteger, nullable=False),
    Column("supersedes", BigInteger),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_lab_results_zone", "zone", "id"),
)

committee_subjects = Table(  # what the joint committee has before it: a review, a meeting, an account, the mandates of a site; `about` keeps to one review a thing
    "committee_subjects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # review | meeting | account | mandates
    Column("about", String(400), nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    UniqueConstraint("kind", "about"),
)
Index("ix_committee_subjects_site", committee_subjects.c.site, committee_subjects.c.kind, committee_subjects.c.opened_us)

committee_journal = Table(  # append-only: a review, a meeting, a mandate is a fold of its entries
    "committee_journal",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("subject", String(64), nullable=False),
    Column("site", String(64), nullable=False),
    Column("entry", String(32), nullable=False),
    Column("recorded_us", BigInteger, nullable=False),
    Column("by", Text, nullable=False),  # "" for the system
    Column("role", String(32), nullable=False),
    Column("inspector_only", Boolean, nullable=False),  # a dissent told to the inspectorate alone
    Column("body", LargeBinary, nullable=False),  # JSON
)
Index("ix_committee_journal_subject", committee_journal.c.subject, committee_journal.c.id)
Index("ix_committee_journal_site", committee_journal.c.site, committee_journal.c.id)

alert_states = Table(  # what each alert is now: written with its steps, so that lists, figures and the start need no fold; `last_id` 0: stale, to be folded anew
    "alert_states",
    metadata,
    Column("alert", String(64), primary_key=True),
    Column("raised_id", BigInteger, nullable=False),  # journal id of its first step
    Column("site", String(64), nullable=False),
    Column("zone", String(128), nullable=False),
    Column("hazard", String(64), nullable=False),
    Column("type", String(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("state", String(32), nullable=False),
    Column("open", Boolean, nullable=False),
    Column("raised_us", BigInteger, nullable=False),
    Column("returned_us", BigInteger),
    Column("acknowledged_us", BigInteger),  # the first acknowledgement that ever was
    Column("acknowledged_role", String(32), nullable=False),
    Column("last_id", BigInteger, nullable=False),  # journal id of the last step in `body`
    Column("excursions", Integer, nullable=False, server_default="1"),  # how often the condition came while it was open
    Column("calls", Integer, nullable=False, server_default="1"),  # how often people were called for it: when it came (unless an earlier call had named it), came again or rose
    Column("body", LargeBinary, nullable=False),  # JSON of alerts.state.Alert
    Index("ix_alert_states_page", "site", "raised_id"),
    Index("ix_alert_states_severity", "site", "severity", "raised_id"),
    Index("ix_alert_states_state", "site", "state", "raised_id"),
    Index("ix_alert_states_time", "site", "raised_us", "raised_id"),
)
Index("ix_alert_states_stale", alert_states.c.last_id, sqlite_where=alert_states.c.last_id == 0, postgresql_where=alert_states.c.last_id == 0)
Index("ix_alert_states_open", alert_states.c.raised_id, sqlite_where=alert_states.c.open, postgresql_where=alert_states.c.open)

alarm_days = Table(  # figures of a UTC day that is over, by site; a later step of one of its alerts deletes the row
    "alarm_days",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("day", BigInteger, primary_key=True),  # days since the epoch
    Column("body", LargeBinary, nullable=False),  # JSON of alerts.kpi.Day
)

alarm_policies = Table(  # a site's own alarm policy, append-only: the latest row of a `policy` carries all its signatures
    "alarm_policies",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("site", String(64), nullable=False),
    Column("policy", String(64), nullable=False),
    Column("valid_from_us", BigInteger, nullable=False),
    Column("recorded_us", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of alerts.policy.site.SitePolicy with its signatures
    Index("ix_alarm_policies_site", "site", "id"),
)

alarm_feedback = Table(  # whether an alert of a model was right, in the word of who looked; the latest of an alert counts
    "alarm_feedback",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("alert", String(64), nullable=False),
    Column("site", String(64), nullable=False),
    Column("type", String(64), nullable=False),
    Column("is_true", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    Column("role", String(32), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("is_over", Boolean, nullable=False, server_default=false()),  # a limit was exceeded there when it was said
    Column("is_checked", Boolean, nullable=False, server_default=false()),  # against a reference instrument, in the field
    Index("ix_alarm_feedback_site", "site", "type"),
)

retention_rules = Table(  # how long readings and minutes are kept; "*" for every site, every quantity; the latest row of (site, quantity) counts
    "retention_rules",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("site", String(64), nullable=False),
    Column("quantity", String(64), nullable=False),
    Column("readings_days", Integer, nullable=False),
    Column("minutes_days", Integer, nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

holds = Table(  # legal hold: what retention must not delete, until somebody releases it
    "holds",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("site", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # review, evidence, inspector
    Column("start_us", BigInteger, nullable=False),
    Column("stop_us", BigInteger, nullable=False),
    Column("reference", Text, nullable=False),
    Column("placed_us", BigInteger, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("released_us", BigInteger),
    Column("released_by", Text, nullable=False),
    Column("release_reason", Text, nullable=False),
    Index("ix_holds_site", "site"),
)

boards = Table(  # the code by which a zone's board opens without a login; a new code makes the old one worthless
    "boards",
    metadata,
    Column("zone", String(128), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("code", String(32), nullable=False, unique=True),
    Column("made_by", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Index("ix_boards_site", "site"),
)

board_settings = Table(  # whom to call, and where other concerns go
    "board_settings",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),  # JSON of storage.records.concerns.BoardSettings
    Column("changed_by", Text, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
)

concern_keys = Table(  # public keys only; the latest of a site and side counts
    "concern_keys",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("site", String(64), nullable=False),
    Column("side", String(16), nullable=False),  # worker | inspectorate
    Column("public_key", LargeBinary, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Index("ix_concern_keys_site", "site", "side", "id"),
)

concerns = Table(  # in the order of random names, so that no row says which came before which; all but the month is sealed
    "concerns",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("month", String(7), nullable=False),  # of the shift, local
    Column("for_worker_side", LargeBinary, nullable=False),
    Column("for_inspectorate", LargeBinary),
    Index("ix_concerns_site", "site", "month"),
    sqlite_with_rowid=False,
)

concern_releases = Table(  # the worker side lets a month's number be seen, with words of its own; append-only
    "concern_releases",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("site", String(64), nullable=False),
    Column("month", String(7), nullable=False),
    Column("text", Text, nullable=False),
    Column("released_by", Text, nullable=False),
    Column("released_us", BigInteger, nullable=False),
    Index("ix_concern_releases_site", "site", "month"),
)

weather_forecasts = Table(  # as they were handed in; append-only, the same one twice is there once
    "weather_forecasts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("site", String(64), nullable=False),
    Column("issued_us", BigInteger, nullable=False),
    Column("first_us", BigInteger, nullable=False),
    Column("stop_us", BigInteger, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of domain.weather.Forecast
    UniqueConstraint("site", "digest", name="uq_weather_forecasts_site"),
    Index("ix_weather_forecasts_site", "site", "stop_us"),
)
