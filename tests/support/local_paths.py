"""An audit whose every place is a folder of somebody's machine."""

from __future__ import annotations

# Names of folders that must not leave the machine; the last parts of paths may.
SECRETS = ("ann-smith", "customer-acme", "vault9", "winhome")
_BASE = "/home/ann-smith/models/base-model"
_FINAL = "~/customer-acme/final-model"
_POOL = "/mnt/vault9/with space/pool.parquet"


def from_a_private_machine(builder):
    """Puts such paths wherever an audit says something: options, command, caveats, reasons."""
    spec = builder.meta("spec")
    spec |= {"base": _BASE, "final": _FINAL}
    spec["seed_corpus"] = [{**spec["seed_corpus"][0], "location": _POOL}]
    builder.put_meta("spec", spec)
    known = builder.meta("provenance")
    command = f"assay audit --base {_BASE} --final {_FINAL} --seed-corpus '{_POOL}'"
    builder.put_meta("provenance", {**known, "command": command})
    builder.put_meta("caveats", [f"Read {_BASE}/config.json, and C:\\winhome\\x\\y.bin."])
    reasons = [f"The base is '{_POOL}' (file:///home/ann-smith/a/b)."]
    builder.put_meta("assessment", {"verdict": "assessable", "reasons": reasons, "hints": []})
