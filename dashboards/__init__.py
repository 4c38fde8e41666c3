"""Grafana dashboards, data sources and provisioning as Python functions that give JSON and YAML. May import domain only."""
