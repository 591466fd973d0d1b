"""What `gatewayd doctor` looks at, one small function each: a finding and the mend for it."""
