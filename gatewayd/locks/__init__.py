"""Speaking to locks: drivers make one attempt each, with no retries inside."""
