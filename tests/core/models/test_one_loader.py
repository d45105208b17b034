"""Weights, tokenizers and configurations are loaded in one file, which keeps remote code off."""

from __future__ import annotations

import ast

from support.paths import ROOT


def loads_outside_the_one_place(source: str) -> list[str]:
    """Calls in a module's source that load weights, tokenizers or configurations by themselves."""
    loading = {"from_pretrained", "load_adapter", "load_dataset_builder", "from_gguf_file"}
    classes = {"SentenceTransformer", "CrossEncoder", "pipeline", "AutoPeftModel"}
    pickled = {("torch", "load"), ("pickle", "load"), ("pickle", "loads"), ("joblib", "load")}
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
            is_off = isinstance(node.value, ast.Constant) and node.value.value is False
            found += [] if is_off else ["trust_remote_code that is not False"]
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Attribute):
            owner = function.value.id if isinstance(function.value, ast.Name) else ""
            if function.attr in loading or (owner, function.attr) in pickled:
                found.append(f"{owner}.{function.attr}")
            is_built = function.attr == "from_config" and owner.startswith("Auto")
            if is_built and not any(k.arg == "trust_remote_code" for k in node.keywords):
                found.append(f"{owner}.from_config with remote code left open")
            if function.attr in classes:
                found.append(function.attr)
        elif isinstance(function, ast.Name) and function.id in classes | loading:
            found.append(function.id)
    return found


def test_one_module_loads_everything():
    """No other file of the product calls a library's own loader; the check finds one that does."""
    assert loads_outside_the_one_place("AutoTokenizer.from_pretrained(folder)")
    assert loads_outside_the_one_place("import torch\ntorch.load(file)")
    assert loads_outside_the_one_place("st.SentenceTransformer('x')")
    assert loads_outside_the_one_place("AutoModel.from_config(config)")
    assert loads_outside_the_one_place("f(trust_remote_code=flag)")
    sources = [
        ROOT / "app.py",
        *(f for room in ("core", "cache", "pages") for f in (ROOT / room).rglob("*.py")),
    ]
    assert len(sources) > 50
    found = {
        str(file.relative_to(ROOT)): calls
        for file in sources
        if (calls := loads_outside_the_one_place(file.read_text())) and file.name != "pretrained.py"
    }
    assert found == {}
    ours = ast.parse((ROOT / "core" / "models" / "pretrained.py").read_text())
    loads = [
        node
        for node in ast.walk(ours)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "from_pretrained"
    ]
    assert len(loads) > 4
