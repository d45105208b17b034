"""A page's address as a link or Back asks for it, and the names that addresses may hold.

Streamlit sends what the page that is left has in its address before what a link asks for, and then
drops everything that the left page has a choice for: also what the link asks for, and after Back
what the address asked for all along.
"""

from __future__ import annotations

from urllib.parse import parse_qs

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

# No page has a choice of this name, and links begin with it.
AUDIT = "audit"
# All that any page reads.
_READ = """
    a area audit audits b beside budget by cells colour compare decompression difficulties distance
    document documents draw echo example flagged judge kind labels located mark metric page q
    rankings recipe reference run search selected share sort sources state strategy styles tags test
    texts topic true unflagged view which who words
"""
NAMES = frozenset(_READ.split())


def restore_address() -> None:
    """Ask again for what was dropped. Called before the page runs."""
    context = get_script_run_ctx()
    if context is None:
        return
    asked = context.query_string
    if not context.is_history_navigation:
        _, begin, rest = asked.rpartition(f"{AUDIT}=")
        asked = begin and begin + rest
    own = parse_qs(asked, keep_blank_values=True)
    if own.keys() - st.query_params.keys():
        kept = {key: st.query_params.get_all(key) for key in st.query_params}
        st.query_params.from_dict({**kept, **own})
        with context.session_state.query_params() as held:
            held.set_initial_query_params_from_current()
