"""The Hugging Face hub's client: every answer comes in time, and only what it needs is told."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import huggingface_hub


def hub() -> huggingface_hub.HfApi:
    """The client, which ``datasets`` uses too."""
    _prepare()
    import huggingface_hub

    return huggingface_hub.HfApi()


def longest_wait_s() -> float:
    """Seconds without a byte after which a request ends: 10, or as the client's variables say."""
    from huggingface_hub import constants

    return max(constants.HF_HUB_DOWNLOAD_TIMEOUT, constants.HF_HUB_ETAG_TIMEOUT)


def is_hub_name(name: str) -> bool:
    """Whether the hub could have something of this name."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return True


@cache
def _prepare() -> None:
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.utils._http import default_client_factory

    def impatient() -> Any:
        # Also refuses requests in offline mode.
        client = default_client_factory()
        hooks = client.event_hooks
        client.event_hooks = {**hooks, "request": [*hooks["request"], _end_waiting]}
        return client

    # Otherwise the client asks the hub which programs it should look for, and names them to it.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    huggingface_hub.set_client_factory(impatient)


def _end_waiting(request: Any) -> None:
    """Most requests of the client would wait forever for a hub that says nothing."""
    asked, most = request.extensions.get("timeout", {}), longest_wait_s()
    limits = {kind: min(asked.get(kind) or most, most) for kind in ("connect", "read", "write")}
    request.extensions["timeout"] = {**asked, **limits}
