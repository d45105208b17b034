"""Opening pages in Streamlit's own test runner, and what they say."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest
from support.paths import ROOT

COMPARISONS = ("map", "transport", "class_balance")


def opened(page, /, **query):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception
    return app


def words(app):
    kinds = (
        "title",
        "header",
        "subheader",
        "markdown",
        "caption",
        "info",
        "warning",
        "code",
        "metric",
        "text",
        "error",
    )
    return "\n".join(
        str(getattr(element, "value", "")) + " " + str(getattr(element, "label", ""))
        for kind in kinds
        for element in app.get(kind)
    )


def confirmed(app, what):
    """Press the page's own button, see that it stays off until the name is typed, and type that."""
    for is_typed in (False, True):
        # Outside a browser every run is of the whole page, which closes a dialog: ask again.
        (ask,) = [button for button in app.button if button.label == f"Delete this {what}"]
        ask.click()
        if is_typed:
            # A dialog that was closed is still among the runner's, with the same field.
            for field in app.text_input:
                if field.key.startswith("name of "):
                    field.set_value(field.key.removeprefix("name of "))
        ask.run()
        *_, confirm = [button for button in app.button if button.label == "Delete"]
        assert confirm.disabled != is_typed
    return confirm
