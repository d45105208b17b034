"""Sessions of visitors who left: a few are kept in case they come back, the others are freed.

Streamlit opens an event loop for every visit, which needs three file descriptors, and keeps the
last 128 sessions that ended; older ones are dropped without being closed.
"""

from __future__ import annotations

import resource
from collections import OrderedDict

from streamlit import runtime
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.session_manager import SessionInfo, SessionStorage

_N_KEPT = 16


class FewSessions(SessionStorage):
    """Keeps the sessions that ended last, and shuts down the others."""

    def __init__(self, n_kept: int = _N_KEPT) -> None:
        self._n_kept = n_kept
        self._sessions: OrderedDict[str, SessionInfo] = OrderedDict()

    def get(self, session_id: str) -> SessionInfo | None:
        return self._sessions.get(session_id)

    def save(self, session_info: SessionInfo) -> None:
        self._sessions[session_info.session.id] = session_info
        self._sessions.move_to_end(session_info.session.id)
        while len(self._sessions) > self._n_kept:
            _, oldest = self._sessions.popitem(last=False)
            oldest.session.shutdown()

    def delete(self, session_id: str) -> None:
        del self._sessions[session_id]

    def list(self) -> list[SessionInfo]:
        return list(self._sessions.values())


def keep_few_sessions() -> None:
    """Use it in the server that runs in this process."""
    Runtime.instance()._session_mgr._session_storage = FewSessions()  # type: ignore[attr-defined]


def allow_many_files() -> None:
    """Raise the number of files that this process may open to the system's limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def forget_visitor() -> None:
    """Sign out the other tabs that were opened with the sign-in of the page that runs: Streamlit
    signs out one tab, and the others would show everything until they are loaded again."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return
    manager = Runtime.instance()._session_mgr
    for one in manager.list_sessions():
        session = one.session
        if session.id != context.session_id and session.matches_user_info(context.user_info):
            Runtime.instance().clear_user_info_for_session(session.id)
            if manager.is_active_session(session.id):
                session.request_rerun(None)
