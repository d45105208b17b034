"""Models by hub name, from a real server: what is fetched, what is refused, and what is said."""

from __future__ import annotations

import json
import pickle
import shutil

import pytest
from support.hub import TOKEN, served, told
from support.tiny_models import save_bert
from transformers import BertForSequenceClassification

from assay.core.errors import InputError
from assay.core.models.hub_outline import hub_facts
from assay.core.models.stored_facts import stored_facts

# What becomes of each name: the folder's files, or the sentence that a user reads.
ASK = """
import json, sys
from assay.core.errors import InputError
{imports}
said = {{}}
for name in sys.argv[1:]:
    try:
        folder = {asked}
        found = sorted(folder.rglob("*")) if folder else []
        said[name] = [p.relative_to(folder).as_posix() for p in found if p.is_file()]
    except InputError as error:
        said[name] = str(error)
print(json.dumps(said))
"""
FETCH = ASK.format(
    imports="from assay.core.models.hub_models import fetched_hub_model",
    asked="fetched_hub_model(name)",
)
CHECK = ASK.format(
    imports="from assay.core.models.locate import check_model_there",
    asked="check_model_there(name)",
)
LOOK = ASK.format(
    imports="from assay.core.models.hub_models import downloaded_hub_model",
    asked="downloaded_hub_model(name)",
)
RESOLVE = ASK.format(
    imports="from pathlib import Path; from assay.core.models.resolve import resolve_model",
    asked="resolve_model(name, Path('converted'))",
)
READ = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="module")
def hub(folder):
    """A good model among files that nothing reads, and models with a fault each."""

    def copy(name, **files):
        made = folder.with_name(name)
        shutil.copytree(folder, made)
        for file, content in files.items():
            path = made / file.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        return made

    config = json.loads((folder / "config.json").read_text())
    with served() as one:
        weights = (folder / "model.safetensors").read_bytes()
        others = {
            "consolidated_dot_safetensors": weights,
            "pytorch_model_dot_bin": pickle.dumps({}),
            "checkpoint__model_dot_safetensors": weights,
            "modeling_dot_py": b"raise SystemExit",
            "README_dot_md": b"# A model",
        }
        one.add("tiny/good", copy("good", **others))
        pickled = copy("pickled", pytorch_model_dot_bin=pickle.dumps({}))
        (pickled / "model.safetensors").unlink()
        one.add("tiny/pickled", pickled)
        code = {**config, "model_type": "mine", "auto_map": {"AutoModel": "mine.Mine"}}
        trace = folder.with_name("ran")
        program = f"open({str(trace)!r}, 'w').close()".encode()
        one.add(
            "tiny/code",
            copy("code", config_dot_json=json.dumps(code).encode(), mine_dot_py=program),
        )
        alone = {"auto_map": code["auto_map"]}
        one.add("tiny/code-only", copy("code-only", config_dot_json=json.dumps(alone).encode()))
        one.add("tiny/html", copy("html", config_dot_json=b"<html>Sign in</html>"))
        one.add("tiny/pointer", copy("pointer", model_dot_safetensors=b"version https://git-lfs"))
        one.add("tiny/gated", folder, needs_token=True)
        one.add("tiny/short", folder, faults={"sizes": {"model.safetensors": 10**6}})
        one.add("tiny/huge", folder, faults={"sizes": {"config.json": 10**12}})
        nothing = folder.with_name("nothing")
        nothing.mkdir()
        (nothing / "model-Q4.gguf").write_bytes(b"GGUF")
        one.add("tiny/gguf", nothing)
        yield one


@pytest.fixture(autouse=True)
def fresh(hub):
    hub.seen.clear()
    hub.faults.clear()


def test_only_what_is_read_is_fetched_and_only_once(hub, tmp_path):
    """Weights in other formats, checkpoints and code stay on the hub. A second process fetches
    nothing again, and works while the hub is down."""
    said, _ = told(hub, tmp_path, FETCH, "tiny/good")
    assert said["tiny/good"] == READ
    sizes = {path.name: path.stat().st_size for path in hub.models["tiny/good"].folder.iterdir()}
    assert hub.fetched(".safetensors") == sizes["model.safetensors"]
    assert not any(one.path.endswith((".bin", ".py", ".md")) for one in hub.seen)
    hub.seen.clear()
    assert told(hub, tmp_path, FETCH, "tiny/good")[0] == said
    assert hub.fetched(".safetensors") == hub.fetched(".json") == 0
    hub.faults["down"] = 503
    assert told(hub, tmp_path, FETCH, "tiny/good")[0] == said


def test_looking_whether_a_model_is_there_fetches_no_weights(hub, tmp_path):
    """The check before an audit fetches a configuration and a list. It does not make the form take
    the model for downloaded; fetching does."""
    assert told(hub, tmp_path, CHECK, "tiny/good")[0] == {"tiny/good": []}
    assert hub.fetched(".safetensors") == 0
    assert sum(one.n_bytes for one in hub.seen) < 10_000
    assert told(hub, tmp_path, LOOK, "tiny/good")[0] == {"tiny/good": []}
    told(hub, tmp_path, FETCH, "tiny/good")
    hub.seen.clear()
    assert told(hub, tmp_path, LOOK, "tiny/good")[0] == {"tiny/good": READ}
    assert not hub.seen


REFUSED = {
    "tiny/none": "is not on the hub or is private",
    "tiny/gated": "only to accounts that were granted access",
    "tiny/pickled": r"'tiny/pickled', but got only pickled weights \(pytorch_model.bin\)",
    "tiny/gguf": "holds GGUF files; download one of them",
    "tiny/huge": "'config.json' of 'tiny/huge' of at most 200,000,000 bytes",
}


def test_a_model_that_cannot_be_had_is_refused_before_weights_are_fetched(hub, tmp_path):
    """Each with its own sentence: none with this name, a gated one, one that only pickles or GGUF
    files hold, and a file beyond all bounds."""
    said, shown = told(hub, tmp_path, CHECK, *REFUSED)
    for name, words in REFUSED.items():
        with pytest.raises(AssertionError, match=words):
            raise AssertionError(said[name])
    assert hub.fetched(".safetensors") == hub.fetched(".bin") == hub.fetched("config.json") == 0
    assert "Traceback" not in shown


UNREADABLE = {
    "tiny/code": "got 'tiny/code', which needs its own code",
    "tiny/html": "'config.json' of 'tiny/html', but got a file that is not JSON",
    "tiny/pointer": "safetensors in 'model.safetensors', but got a Git LFS pointer",
    "tiny/short": "'tiny/short', one of whose files is not as large as the hub says",
}


def test_a_model_that_cannot_be_loaded_is_named_and_none_of_its_code_is_run(hub, tmp_path, folder):
    """The sentence names the model and not the commit. Where the configuration tells, no weights
    are fetched. A good one is resolved (the control)."""
    said, _ = told(hub, tmp_path, RESOLVE, "tiny/good", *UNREADABLE)
    assert said.pop("tiny/good") == READ
    for name, words in UNREADABLE.items():
        assert words in said[name]
    fetched = {one.path.split("/")[-2] for one in hub.seen if one.path.endswith(".safetensors")}
    assert not fetched & {"code", "html"}
    assert not folder.with_name("ran").exists()
    assert not any(one.path.endswith(".py") for one in hub.seen)


def test_a_token_goes_to_the_hub_alone_and_is_never_shown(hub, tmp_path):
    """With the right one a gated model is fetched, its weights from elsewhere without it. A wrong
    or damaged one is refused in words without it."""
    said, shown = told(hub, tmp_path / "right", FETCH, "tiny/gated", HF_TOKEN=TOKEN)
    assert said["tiny/gated"] == READ
    by_server = {
        name: {one.token for one in hub.seen if one.server == name} for name in hub.servers
    }
    assert TOKEN in by_server["hub"]
    assert by_server["storage"] == {None}
    assert TOKEN not in shown
    for token, words in {
        "hf_wrong_secret": "granted access",
        "hf_dämaged_secret": "HF_TOKEN has characters",
    }.items():
        said, shown = told(hub, tmp_path / "wrong", CHECK, "tiny/gated", HF_TOKEN=token)
        assert words in said["tiny/gated"]
        assert "secret" not in said["tiny/gated"] + shown


@pytest.mark.parametrize("name", ["large", "parts"])
def test_headers_alone_tell_what_the_files_would(hub, tmp_path, monkeypatch, name):
    """Of weights in one file or several, of which a hundredth is fetched."""
    made = save_bert(tmp_path / name, hidden=1024, seed=2)
    if name == "parts":
        model = BertForSequenceClassification.from_pretrained(made)
        (made / "model.safetensors").unlink()
        model.save_pretrained(made, max_shard_size="15MB")
    hub.add(f"tiny/{name}", made)
    for variable, value in hub.variables(tmp_path / "home").items():
        monkeypatch.setenv(variable, value)
    assert hub_facts(f"tiny/{name}") == stored_facts(made)
    sizes = [path.stat().st_size for path in made.glob("*.safetensors")]
    assert len(sizes) == {"large": 1, "parts": 3}[name]
    assert 0 < hub.fetched(".safetensors") <= 100_000 * len(sizes) < sum(sizes) / 100
    assert hub.fetched("tokenizer.json") == 0


def test_a_check_by_headers_says_what_is_wrong_and_ends(hub, tmp_path, monkeypatch):
    """As the job would say it, under the model's name; a hub that says nothing ends it."""
    for variable, value in hub.variables(tmp_path / "home").items():
        monkeypatch.setenv(variable, value)
    for wrong, words in {**REFUSED, "tiny/html": UNREADABLE["tiny/html"]}.items():
        with pytest.raises(InputError, match=words):
            hub_facts(wrong)
    with pytest.raises(InputError, match="code of its own, which is never run"):
        hub_facts("tiny/code-only")
    hub.faults["hangs"] = ".safetensors"
    with pytest.raises(InputError, match="whose check took more than 4 seconds"):
        hub_facts("tiny/good", limit_s=4)


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"hangs": "/api/models"}, "the hub did not answer within 1 seconds"),
        ({"down": 503}, "error 503"),
        ({"down": 429}, "no more requests for now"),
        ({"says": b"<html>Sign in to the network</html>"}, "answer makes no sense"),
        ({"says": b"[" * 10**6}, "answer makes no sense"),
    ],
)
def test_a_hub_that_gives_no_answer_ends_in_a_sentence(hub, tmp_path, faults, words):
    """In a moment, whatever it does instead."""
    hub.faults.update(faults)
    waits = {"HF_HUB_DOWNLOAD_TIMEOUT": "1", "HF_HUB_ETAG_TIMEOUT": "1"}
    said, shown = told(hub, tmp_path, CHECK, "tiny/good", **waits)
    assert words in said["tiny/good"]
    assert "Traceback" not in shown


def test_without_a_hub_the_sentence_says_so(hub, tmp_path):
    """Nothing listens there."""
    said, _ = told(hub, tmp_path, CHECK, "tiny/good", HF_ENDPOINT="http://127.0.0.1:9")
    assert "the hub cannot be reached" in said["tiny/good"]


def test_an_adapter_of_the_hub_is_shown_as_one_in_a_folder(hub, tmp_path):
    """The cache links to files under other names, which hold the same."""
    facts = """
import json, sys
from assay.core.models.hub_models import fetched_hub_model
from assay.core.models.stored_facts import stored_facts
found = stored_facts(fetched_hub_model(sys.argv[1]))
print(json.dumps([found.kind, found.n_bytes]))
"""
    import torch
    from safetensors.torch import save_file

    adapter = tmp_path / "adapter"
    adapter.mkdir()
    save_file({"layer.lora_A.weight": torch.ones(2, 4)}, adapter / "adapter_model.safetensors")
    about = {"peft_type": "LORA", "r": 2, "target_modules": ["layer"]}
    (adapter / "adapter_config.json").write_text(json.dumps(about))
    hub.add("tiny/adapter", adapter)
    size = (adapter / "adapter_model.safetensors").stat().st_size
    said, _ = told(hub, tmp_path / "home", facts, "tiny/adapter")
    assert said == ["adapter (LORA, rank 2)", size]
