"""One cycle of one account: recover, poll, mirror, evaluate, plan, guard, apply, audit."""
