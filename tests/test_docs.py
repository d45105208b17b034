"""What the papers say exists: links, commands, options, targets, files and arrows."""

from __future__ import annotations

import re
import shlex
import tomllib
from importlib import import_module
from itertools import chain
from pathlib import Path

import pytest
import typer
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAPERS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
# Entries with a date: what they name was there then.
DATED = {"RESULTS.md", "PERFORMANCE.md", "CHANGELOG.md"}
# Names protections that are still being built.
PLANNED = {"SECURITY.md"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

_FENCE = re.compile(r"^```.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"^(?:\.venv/bin/)?assay\s+(.+)$")


def code_of(text):
    """Every piece of code in a paper: lines of blocks, continued ones joined, and inline code."""
    blocks = "\n".join(_FENCE.findall(text)).replace("\\\n", " ")
    lines = [line.split(" #")[0].strip() for line in blocks.splitlines()]
    return [*lines, *_INLINE.findall(_FENCE.sub("", text))]


def commands_in(text):
    """The words behind `assay` of every command, without those that only stand for one."""
    found = [match[1] for code in code_of(text) if (match := _COMMAND.match(code))]
    return [words for one in found if (words := shlex.split(one)) and words[0].islower()]


def slugs_of(text):
    """The anchors of a paper's headings, as hosts of repositories make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    bare = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in bare}


def problem_of_link(paper, target):
    """What is wrong with a relative link, or None."""
    name, _, anchor = target.partition("#")
    place = (paper.parent / name).resolve() if name else paper
    if not place.exists():
        return f"{paper.name}: {target} is not there"
    if anchor and anchor not in slugs_of(place.read_text()):
        return f"{paper.name}: {target} has no such heading"
    return None


@pytest.fixture(scope="module")
def cli():
    """The command line that the package installs."""
    module = import_module(PROJECT["scripts"]["assay"].partition(":")[0])
    group = typer.main.get_command(module.app)
    # Each command is imported when it is asked for.
    for name in group.list_commands(None):
        group.get_command(None, name)
    return group


def options_of(command):
    """Every option that a command, and what is under it, understands."""
    own = chain.from_iterable([*p.opts, *p.secondary_opts] for p in command.params)
    below = getattr(command, "commands", {}).values()
    return {"--help", *own, *chain.from_iterable(map(options_of, below))}


def problem_of_command(cli, words):
    """What is wrong with a command, given as the words behind `assay`, or None."""
    command, rest = cli, list(words)
    while getattr(command, "commands", None) and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            return f"assay {shlex.join(words)}: there is no {rest[0]!r}"
        command = command.commands[rest.pop(0)]
    unknown = {w.split("=")[0] for w in rest if w.startswith("--")} - options_of(command)
    return f"assay {shlex.join(words)}: {unknown} is none of its options" if unknown else None


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_every_relative_link_leads_somewhere(paper):
    """Files and headings that a paper links to exist."""
    targets = [one or other for one, other in _LINK.findall(_FENCE.sub("", paper.read_text()))]
    relative = [target for target in targets if "://" not in target]
    assert [found for one in relative if (found := problem_of_link(paper, one))] == []


@pytest.mark.parametrize(
    "paper", [p for p in PAPERS if p.name not in DATED], ids=lambda paper: paper.name
)
def test_every_command_can_be_typed(cli, paper):
    """Commands in the papers exist, with the options that stand behind them."""
    asked = commands_in(paper.read_text())
    assert [found for words in asked if (found := problem_of_command(cli, words))] == []


def test_commands_that_are_gone_are_found(cli):
    """The check itself names a command, a subcommand and an option that nobody has."""
    text = "```\nassay vanish\nassay jobs vanish 3\nassay audit \\\n  --vanish\n```\n`assay demo`"
    problems = [problem_of_command(cli, words) for words in commands_in(text)]
    assert [bool(problem) for problem in problems] == [True, True, True, False]


@pytest.mark.parametrize(
    "paper", [p for p in PAPERS if p.name not in DATED | PLANNED], ids=lambda paper: paper.name
)
def test_every_option_belongs_to_a_command(cli, paper):
    """An option named alone is one of some command's."""
    named = {code.split()[0] for code in code_of(paper.read_text()) if code.startswith("--")}
    assert {option.split("=")[0] for option in named} - options_of(cli) == set()


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_every_make_target_is_in_the_makefile(paper):
    """What `make` is asked for in the papers, it can do."""
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    codes = [code.split() for code in code_of(paper.read_text()) if code.startswith("make ")]
    assert {words[1] for words in codes} - targets == set()


def test_the_guide_has_every_command(cli):
    """Each command has a section of its own, and no section is of a command that is gone."""
    headings = re.findall(r"^### assay (\S+)$", (ROOT / "docs/guide.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(cli.commands)


def test_the_guide_has_every_page():
    """Each page of the dashboard has a section that gives its address."""
    text = (ROOT / "docs/guide.md").read_text()
    addresses = re.findall(r"^#### .+ \(`/(\w+)`\)$", text, re.MULTILINE)
    pages = [file.stem for file in ROOT.glob("pages/*.py") if file.stem != "__init__"]
    assert sorted(addresses) == sorted(pages)


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/SECURITY.md"])
def test_every_file_named_is_there(name):
    """Files and folders of the product that contributors are sent to exist."""
    words = set(chain.from_iterable(code.split() for code in code_of((ROOT / name).read_text())))
    tops = ("assay/", "core/", "cache/", "pages/", "tests/", "docs/")
    paths = {word.partition("::")[0] for word in words if word.startswith(tops)}
    paths = {path for path in paths if "NAME" not in path}
    assert paths
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def test_the_picture_shows_arrows_that_are_there():
    """Each arrow of the architecture's picture is an import of the code, and each box a room."""
    text = (ROOT / "docs/ARCHITECTURE.md").read_text()
    rooms = dict(re.findall(r'^    (\w+)\["([\w/]+)<br>', text, re.MULTILINE))
    arrows = [
        (one, other)
        for ones, others in re.findall(r"^    ([\w &]+) --> ([\w &]+)$", text, re.MULTILINE)
        for one in ones.split(" & ")
        for other in others.split(" & ")
    ]
    assert arrows
    sources = {
        name: "\n".join(file.read_text() for file in (ROOT / path).rglob("*.py"))
        for name, path in rooms.items()
    }
    missing = [
        (one, other)
        for one, other in arrows
        if not re.search(
            rf"(from|import) (assay\.)?{rooms[other].replace('/', '.')}\b", sources[one]
        )
    ]
    assert missing == []


def test_nobody_says_that_sliders_redraw_while_they_move():
    """Streamlit's slider tells the page its value when the mouse lets it go, not before: neither a
    paper nor a page says otherwise."""
    texts = [*PAPERS, *ROOT.glob("pages/**/*.py"), *ROOT.glob("core/**/*.py")]
    claim = re.compile(r"while\s+(\S+\s+){0,3}slid\w+\s+mov|slid[^.]{0,80}while\s+(they|it)\s+mov")
    assert claim.search("Titration redraws while its sliders move")
    assert claim.search("sliders redraw them while they move")
    assert [one for one in texts if claim.search(one.read_text(encoding="utf-8"))] == []


def test_one_version_and_one_licence_everywhere():
    """The package, the citation and the changelog agree on what is released, and under what."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    (date,) = re.findall(
        rf"^## \[{re.escape(PROJECT['version'])}\] - (\S+)$",
        (ROOT / "CHANGELOG.md").read_text(),
        re.MULTILINE,
    )
    assert str(citation["date-released"]) == date


def test_commits_and_hosts_check_what_make_checks():
    """The hooks before a commit run the tools of `make static`, the hosted run those of .ci/run."""
    makefile = (ROOT / "Makefile").read_text()
    static = re.search(r"^static:.*\n((?:\t.+\n)+)", makefile, re.MULTILINE)
    assert static
    tools = set(re.findall(r"\$\(VENV\)/bin/(\S+)", static[1]))
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    own = {hook["entry"].split("/")[-1].split()[0] for hook in hooks[0]["hooks"]}
    assert own == tools
    hosted = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    steps = [step.get("run", "") for step in hosted["jobs"]["check"]["steps"]]
    local = re.findall(r"^make .+$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert [step for step in steps if step in local] == local
