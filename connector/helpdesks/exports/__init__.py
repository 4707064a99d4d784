"""Reading what people export as tickets, and writing what they import: files instead of an API."""
