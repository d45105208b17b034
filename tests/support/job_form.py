"""The form of a new job, in Streamlit's own test runner."""

from __future__ import annotations

from support.pages import opened


def form(kind="audit", **values):
    """The form of a new job, filled in."""
    app = opened("new_audit")
    if kind != "audit":
        app.selectbox(key="kind").set_value(kind).run()
    for name, value in values.items():
        app.session_state[f"new {kind}: {name}"] = value
    app.run()
    assert not app.exception, app.exception
    return app


def start_button(app):
    """What starts it."""
    (button,) = [one for one in app.button if one.label == "Start"]
    return button


def command_shown(app):
    """What it would run, if it knows that."""
    return [code.value for code in app.code if code.value.startswith("assay ")]
