"""The listener inside `escalera run`: health, readiness, metrics, webhook hints. Shows nothing of customers."""
