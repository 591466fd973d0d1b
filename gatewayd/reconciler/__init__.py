"""Keeping every lock as it should be: a worker per lock, a fair turn per radio."""
