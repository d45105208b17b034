"""Chat templates of strangers: programs that need not end."""

from __future__ import annotations

import shutil
import threading
import time

import pytest
from support.tiny_models import save_topic_model
from transformers import AutoTokenizer

from assay.core.data import chat_template
from assay.core.data.chat_template import as_chat
from assay.core.decompress.backends.find import find_model
from assay.core.errors import InputError
from assay.core.runtime.device import Compute
from assay.core.specs.model_calls import Call, Sampling

TURNS = [{"role": "user", "content": "What is rain?"}]
SOUND = "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }}\n{% endfor %}"
ENDLESS = (
    "{% for a in range(90000) %}{% for b in range(90000) %}{% for c in range(90000) %}"
    "{% endfor %}{% endfor %}{% endfor %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_topic_model(tmp_path_factory.mktemp("chat"))


def tokenizer(folder, template):
    found = AutoTokenizer.from_pretrained(folder)
    found.chat_template = template
    return found


def test_a_template_that_does_not_end_is_left(folder):
    """Loops within loops are given up in time, in words, and no thread goes on; a sound template
    writes the conversation (the control)."""
    start, n_before = time.monotonic(), threading.active_count()
    with pytest.raises(InputError, match=r"does not end within 0\.5 s"):
        as_chat(tokenizer(folder, ENDLESS), TURNS, 0.5)
    assert time.monotonic() - start < 60
    assert threading.active_count() == n_before
    assert as_chat(tokenizer(folder, SOUND), TURNS) == "<user> What is rain?\n"


@pytest.mark.parametrize(
    "template", ["{{ raise_exception('no users here') }}", "{{ 1 / 0 }}", "{{ x.y.z }}", "{% for"]
)
def test_a_template_that_refuses_is_a_bad_input(folder, template):
    """Whatever it raises, the sentence says that it is the template."""
    with pytest.raises(InputError, match="chat template"):
        as_chat(tokenizer(folder, template), TURNS)


def test_a_model_with_an_endless_template_ends_its_run(folder, monkeypatch, tmp_path):
    """The backend that decompresses a folder goes through the same limit."""
    monkeypatch.setattr(chat_template.as_chat, "__defaults__", (0.5,))
    endless = shutil.copytree(folder, tmp_path / "endless")
    tokenizer(folder, ENDLESS).save_pretrained(endless)
    backend = find_model(str(endless), None, tmp_path).open(Compute("cpu", False, 1))
    with pytest.raises(InputError, match="does not end"):
        list(backend.answer([Call("x", "Hello", Sampling(4), 1, is_chat=True)]))
    backend.close()
