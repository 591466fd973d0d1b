"""What is wanted, what was seen, and the difference: pure, without I/O, clock or chance."""
