"""What to say when the hub does not give what was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.errors import InputError
from assay.core.hub.client import longest_wait_s

_AGAIN = "try again later, or download it elsewhere and give its path"


def hub_problem(expected: str, name: str, error: Exception) -> InputError:
    """One sentence; nothing of what the client says, which may contain addresses and tokens."""
    for one in _chain(error):
        if said := _said(one):
            return InputError(expected, f"{name!r}{said[0]}", said[1])
    return InputError(
        expected,
        f"{name!r}, for which the hub's answer makes no sense ({type(error).__name__})",
        _AGAIN,
    )


def is_of_hub(error: Exception) -> bool:
    """Whether an error is about the hub, and not about what it gave."""
    return any(_said(one) for one in _chain(error))


def _said(error: BaseException) -> tuple[str, str] | None:
    """What is wrong, behind the name, and what to do; None for an error that says too little."""
    import httpx2
    from huggingface_hub import errors

    match error:
        case errors.HFValidationError():
            return ", which is no name of the hub", "write it as OWNER/NAME"
        case errors.GatedRepoError():
            return (
                ", which the hub gives only to accounts that were granted access",
                "ask for access on its page there, and set HF_TOKEN to a token of your account",
            )
        case errors.RepositoryNotFoundError():
            return (
                ", which is not on the hub or is private",
                "check the name; for a private one set HF_TOKEN to a token that may read it",
            )
        case errors.RevisionNotFoundError() | errors.RemoteEntryNotFoundError():
            return ", of which the hub lacks a file", "use another one"
        case errors.DisabledRepoError():
            return ", which the hub has disabled", "use another one"
        case errors.OfflineModeIsEnabled():
            return (
                ", which is not on this machine, and HF_HUB_OFFLINE forbids to fetch it",
                "unset HF_HUB_OFFLINE, or give a path",
            )
        case errors.HfHubHTTPError():
            return _answered(error.response.status_code)
        case httpx2.LocalProtocolError() | UnicodeEncodeError():
            return ", and HF_TOKEN has characters that no token has", "correct it"
        case httpx2.TimeoutException():
            return f", and the hub did not answer within {longest_wait_s():g} seconds", _AGAIN
        case httpx2.TransportError():
            return (
                ", and the hub cannot be reached",
                f"check the network and HF_ENDPOINT, or {_AGAIN}",
            )
        case OSError() if "Consistency check failed" in str(error):
            return ", one of whose files is not as large as the hub says", _AGAIN
        case OSError() if error.strerror:
            return f", which cannot be kept ({error.strerror})", "correct this and try again"
        case _:
            return None


def _answered(status: int) -> tuple[str, str]:
    if status in (401, 403):
        return (
            f", which the hub does not give to the token of this machine (error {status})",
            "set HF_TOKEN to a token that may read it",
        )
    if status == 429:
        return ", and the hub takes no more requests for now (error 429)", _AGAIN
    return f", for which the hub answers with error {status}", _AGAIN


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what led to it, since clients wrap errors in vaguer ones."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
