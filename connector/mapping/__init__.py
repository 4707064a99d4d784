"""Policy packs: YAML files read into policies, every mistake with its file, line and column."""
