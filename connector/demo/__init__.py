"""The demonstration: one contact centre, 30 days of virtual time, once without and once with the daemon."""
