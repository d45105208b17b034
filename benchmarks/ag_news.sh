#!/usr/bin/env bash
# The comparison of strategies on AG News with encyclopedia text as seed corpus (docs/RESULTS.md).
# usage: benchmarks/ag_news.sh DATA OUT [SEED …]
# DATA holds ag_news.parquet (columns text, label, split) and wiki_nq_passages.parquet,
# wiki_paragraphs.parquet (column text); OUT gets the models and the store.
set -euo pipefail
data=$1 out=$2
shift 2
export ASSAY_HOME=$out
for seed in "${@:-0}"; do
  assay finetune --base builtin:minilm --data "$data/ag_news.parquet#train" --sample 2000 \
    --max-tokens 48 --learning-rate 1e-4 --seed "$seed" --out "$out/final-$seed"
  for budget in 500 100; do
    assay audit --base builtin:minilm --final "$out/final-$seed" \
      --seed-corpus "$data/wiki_nq_passages.parquet" --seed-corpus "$data/wiki_paragraphs.parquet" \
      --candidates 5000 --reference "$data/ag_news.parquet#train" --reference-sample 2000 \
      --test "$data/ag_news.parquet#test" --budget "$budget" --student-epochs 8 --seed "$seed" \
      --title "AG News, budget $budget, seed $seed"
  done
done
python "$(dirname "$0")/summarise.py" "$out"
