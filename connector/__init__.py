"""Escalera: a policy-driven escalation daemon that stands beside a helpdesk."""

__version__ = "0.1.0"
