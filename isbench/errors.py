"""Errors that a user can mend, each with its exit code. What is no IsbenchError is a bug (exit 1)."""


class IsbenchError(Exception):
    """What happened, and what to do about it; printed as one line, never as a traceback."""

    code = 1

    def __init__(self, what: str, do: str = "") -> None:
        super().__init__(f"{what} ({do})" if do else what)


class UsageError(IsbenchError):
    """The command line asks for something that does not exist or does not fit together."""

    code = 2


class RecipeError(IsbenchError):
    """A recipe that cannot be run; the message holds one line for every mistake, with its position."""

    code = 2


class CellsFailed(IsbenchError):
    """Some cells of a run have no result, or there is nothing to show."""

    code = 3


class Regression(IsbenchError):
    """A gate is not passed: something is worse than it was, or a claim is not held."""

    code = 4


class Inconclusive(IsbenchError):
    """A gate that must be sure is not."""

    code = 5


class EnvironmentFault(IsbenchError):
    """Data, device, disk or lock: the recipe is right, this machine cannot run it now."""

    code = 6


class Interrupted(BaseException):
    """The user or the system asked to stop; what is stored stays valid."""

    def __init__(self, code: int) -> None:
        super().__init__("stopped; what is done is kept, the same command goes on from there")
        self.code = code
