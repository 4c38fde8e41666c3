"""What each alert is now, the figures of past days, a site's own alarm policy, and whether a model's alerts were right"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('alert_states',
    sa.Column('alert', sa.String(length=64), nullable=False),
    sa.Column('raised_id', sa.BigInteger(), nullable=False),
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('zone', sa.String(length=128), nullable=False),
    sa.Column('hazard', sa.String(length=64), nullable=False),
    sa.Column('type', sa.String(length=64), nullable=False),
    sa.Column('severity', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=32), nullable=False),
    sa.Column('open', sa.Boolean(), nullable=False),
    sa.Column('raised_us', sa.BigInteger(), nullable=False),
    sa.Column('returned_us', sa.BigInteger(), nullable=True),
    sa.Column('acknowledged_us', sa.BigInteger(), nullable=True),
    sa.Column('acknowledged_role', sa.String(length=32), nullable=False),
    sa.Column('last_id', sa.BigInteger(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('alert', name=op.f('pk_alert_states'))
    )
    op.create_index('ix_alert_states_page', 'alert_states', ['site', 'raised_id'])
    op.create_index('ix_alert_states_severity', 'alert_states', ['site', 'severity', 'raised_id'])
    op.create_index('ix_alert_states_state', 'alert_states', ['site', 'state', 'raised_id'])
    op.create_index('ix_alert_states_time', 'alert_states', ['site', 'raised_us', 'raised_id'])
    op.create_index('ix_alert_states_stale', 'alert_states', ['last_id'], sqlite_where=sa.text('last_id = 0'), postgresql_where=sa.text('last_id = 0'))
    op.create_index('ix_alert_states_open', 'alert_states', ['raised_id'], sqlite_where=sa.text('open'), postgresql_where=sa.text('open'))
    op.execute(
        "INSERT INTO alert_states (alert, raised_id, site, zone, hazard, type, severity, state, open, raised_us, acknowledged_role, last_id, body) "
        "SELECT j.alert, j.id, j.site, j.zone, j.hazard, j.type, '', '', (1 = 0), j.event_us, '', 0, j.body FROM alert_journal j "
        "WHERE j.id IN (SELECT MIN(id) FROM alert_journal WHERE step = 'raised' GROUP BY alert)"
    )
    op.create_table('alarm_days',
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('day', sa.BigInteger(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('site', 'day', name=op.f('pk_alarm_days'))
    )
    op.create_table('alarm_policies',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('policy', sa.String(length=64), nullable=False),
    sa.Column('valid_from_us', sa.BigInteger(), nullable=False),
    sa.Column('recorded_us', sa.BigInteger(), nullable=False),
    sa.Column('author', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alarm_policies'))
    )
    op.create_index('ix_alarm_policies_site', 'alarm_policies', ['site', 'id'])
    op.create_table('alarm_feedback',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('alert', sa.String(length=64), nullable=False),
    sa.Column('site', sa.String(length=64), nullable=False),
    sa.Column('type', sa.String(length=64), nullable=False),
    sa.Column('is_true', sa.Boolean(), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('role', sa.String(length=32), nullable=False),
    sa.Column('at_us', sa.BigInteger(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alarm_feedback'))
    )
    op.create_index('ix_alarm_feedback_site', 'alarm_feedback', ['site', 'type'])


def downgrade() -> None:
    for name in ('alarm_feedback', 'alarm_policies', 'alarm_days', 'alert_states'):
        op.drop_table(name)
