#!/usr/bin/env bash
# The comparison of strategies on AG News with encyclopedia text as seed corpus (docs/RESULTS.md).
# Students repeat the final model's training: its optimizer, rate, batches and number of epochs.
# usage: benchmarks/ag_news.sh DATA OUT [SEED …]
# DATA holds ag_news.parquet (columns text, label, split) and wiki_nq_passages.parquet,
# wiki_paragraphs.parquet (column text); OUT gets the models and the store.
set -euo pipefail
data=$1 out=$2
shift 2
export ASSAY_HOME=$out
for seed in "${@:-0}"; do
  assay finetune --base builtin:minilm --data "$data/ag_news.parquet#train" --sample 2000 \
    --max-tokens 48 --learning-rate 5e-5 --seed "$seed" --out "$out/final-$seed"
  assay audit --base builtin:minilm --final "$out/final-$seed" \
    --seed-corpus "$data/wiki_nq_passages.parquet" --seed-corpus "$data/wiki_paragraphs.parquet" \
    --candidates 5000 --reference "$data/ag_news.parquet#train" --reference-sample 2000 \
    --test "$data/ag_news.parquet#test" --budget 500 --student-epochs 3 --no-early-stopping \
    --no-map --seed "$seed" --title "AG News, seed $seed"
done
python "$(dirname "$0")/summarise.py" "$out"
