"""The only socket: timeouts, retries, a budget learnt from the helpdesk, redaction, size limits."""
