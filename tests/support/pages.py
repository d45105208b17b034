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
    """Press the page's own button, see that it asks, and say yes."""
    (ask,) = [button for button in app.button if button.label == f"Delete this {what}"]
    ask.click().run()
    (confirm,) = [button for button in app.button if button.label == "Delete"]
    return confirm
