"""Reports for people: what a dry run would do, as a page, a table or JSON."""
