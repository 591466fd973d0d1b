"""The local door: HTTP on a unix socket, for the command line and the page."""
