"""Fault storms: the daemon lives through hours of each fault at sea, and is judged by the helpdesk's own truth."""
