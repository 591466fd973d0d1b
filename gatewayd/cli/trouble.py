"""Why a command that speaks to hardware did not succeed, for the person who typed it."""


class Trouble(Exception):
    """`status` is the exit code."""

    def __init__(self, error: str, what_to_do: str, status: int = 1) -> None:
        super().__init__(error)
        self.error, self.what_to_do, self.status = error, what_to_do, status
