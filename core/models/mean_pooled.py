"""Classifiers on sentence encoders: a linear head over the mean of the token states.

A sentence encoder's ``modules.json`` says how it pools, but transformers does not read it: its own
classifiers use only the first token, through a layer that such an encoder never trained. Saved
models have their own model type in ``config.json``, so transformers without this module refuses
them instead of giving another model's answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.configuration_utils import SubConfigSpec
from transformers.modeling_outputs import SequenceClassifierOutput

from assay.core.errors import InputError
from assay.core.models.folder_files import called

_MODEL_TYPE = "assay-mean-pooled"


class MeanPooledConfig(PreTrainedConfig):
    """An encoder's configuration, and the labels of its head."""

    model_type = _MODEL_TYPE
    sub_configs_defaults: ClassVar[dict[str, SubConfigSpec]] = {
        "encoder": SubConfigSpec(config_class=AutoConfig, model_type="bert")
    }

    encoder: PreTrainedConfig | dict | None = None
    pad_token_id: int | None = None


class MeanPooledClassifier(PreTrainedModel):
    """An encoder, the mean of its last states over a document's tokens, dropout, a linear layer."""

    config_class = MeanPooledConfig
    base_model_prefix = "body"

    def __init__(self, config: MeanPooledConfig) -> None:
        super().__init__(config)
        encoder = encoder_config(config)
        self.body = AutoModel.from_config(encoder, trust_remote_code=False)
        if getattr(self.body, "pooler", None) is not None:
            self.body.pooler = None  # unused, so it would never be trained
        self.dropout = nn.Dropout(getattr(encoder, "hidden_dropout_prob", 0.1))
        self.classifier = nn.Linear(encoder.hidden_size, config.num_labels or 0)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SequenceClassifierOutput:
        """Token ids and mask (n × tokens) → logits (n × labels)."""
        states = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask[..., None].float()
        mean = (states.float() * weights).sum(dim=1) / weights.sum(dim=1)
        mean = mean.to(self.classifier.weight.dtype)
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(mean)))


AutoConfig.register(_MODEL_TYPE, MeanPooledConfig)
AutoModelForSequenceClassification.register(MeanPooledConfig, MeanPooledClassifier)


def encoder_config(config: Any) -> Any:
    """The configuration of the transformer below a mean-pooled head; any other unchanged."""
    return config.encoder if isinstance(config, MeanPooledConfig) else config


def pools_by_mean(folder: Path) -> bool:
    """Whether a folder holds a sentence encoder whose vector is the mean of its token states.

    InputError if it is one but does not say how it pools.
    """
    if not (folder / "modules.json").exists():
        return False
    try:
        for module in json.loads((folder / "modules.json").read_text()):
            if module["type"].rpartition(".")[2] == "Pooling":
                pooling = json.loads((folder / module["path"] / "config.json").read_text())
                return _modes(pooling) == ["mean"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"a sentence encoder in {called(folder)!r} with a readable pooling configuration",
            f"a modules.json that cannot be read ({error})",
            "download the model again, with its subfolders",
        ) from error
    return False


def _modes(pooling: dict) -> list[str]:
    """What a sentence encoder's vector consists of: one name, or one flag each in older folders."""
    if "pooling_mode" in pooling:
        modes = pooling["pooling_mode"]
        return [modes] if isinstance(modes, str) else list(modes)
    return [
        flag.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
        for flag, is_on in pooling.items()
        if flag.startswith("pooling_mode_") and is_on
    ]
