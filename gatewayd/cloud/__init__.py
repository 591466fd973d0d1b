"""The link to the cloud: commands in, events out, each kept until the other side has it."""
