#!/bin/sh
# Runs once, when InfluxDB is set up: Grafana's own user, who may only read.
set -eu
influx v1 auth create --org "$DOCKER_INFLUXDB_INIT_ORG" --username grafana --password "$(cat /run/secrets/influxdb_grafana_password)" --read-bucket "$DOCKER_INFLUXDB_INIT_BUCKET_ID"
