"""Words and what is made of them in scripts with and without spaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.decompress.examples.quality_flags import repetition
from assay.core.similarity.near_duplicates import MIN_JACCARD, jaccard, near_duplicates, shingles
from assay.core.similarity.verbatim import longest_shared_runs
from assay.core.similarity.words import WORD, length_in_words, n_words, runs, words, words_and_marks

CHINESE = (
    "昨天下午我们在河边的小茶馆里坐了很久，老板给我们讲了这座城市过去的故事，"
    "后来天色暗了下来，我们才沿着石板路慢慢走回旅馆。"
)
CHINESE_CHANGED = CHINESE.replace("旅馆", "宿舍")
CHINESE_OTHER = (
    "这台机器每分钟可以检查三百个零件，如果发现裂纹就会自动停下来，"
    "工程师只需要在屏幕上确认结果，然后重新启动生产线。"
)
JAPANESE = (
    "駅前の古い本屋では、毎週土曜日の夕方に小さな朗読会が開かれていて、"
    "近所の子どもたちがお気に入りの絵本を持って集まってくる。"
)
JAPANESE_CHANGED = JAPANESE.replace("土曜日", "日曜日")
JAPANESE_OTHER = (
    "新しい電池は五分で充電でき、十年たっても容量がほとんど減らないと研究者は説明した。"
)
THAI = "เมื่อวานนี้ฝนตกหนักตลอดทั้งคืน ชาวบ้านจึงช่วยกันขนกระสอบทรายไปกั้นน้ำที่ริมคลองหลังตลาด และผลัดกันเฝ้าระวังจนถึงเช้า"
THAI_CHANGED = THAI.replace("เช้า", "เที่ยง")
THAI_OTHER = "นักเรียนชั้นประถมปลูกผักสวนครัวหลังโรงเรียนเพื่อนำไปทำอาหารกลางวันให้น้องๆ ทุกวันศุกร์"
LANGUAGES = [
    pytest.param(CHINESE, CHINESE_CHANGED, CHINESE_OTHER, id="Chinese"),
    pytest.param(JAPANESE, JAPANESE_CHANGED, JAPANESE_OTHER, id="Japanese"),
    pytest.param(THAI, THAI_CHANGED, THAI_OTHER, id="Thai"),
]


@pytest.mark.parametrize(("text", "changed", "other"), LANGUAGES)
def test_near_duplicates_are_found_without_spaces(text, changed, other):
    """A text with one word changed is a near duplicate; another text of the language is not."""
    found = {(pair.first, pair.second) for pair in near_duplicates([changed, other], [text])}
    assert found == {(0, 0)}
    assert MIN_JACCARD <= jaccard(shingles(text), shingles(changed)) < 1
    assert jaccard(shingles(text), shingles(other)) < 0.1


@pytest.mark.parametrize(("text", "changed", "other"), LANGUAGES)
def test_runs_are_counted_in_words_without_spaces(text, changed, other):
    """A quotation inside other text is found at its length; other text has none."""
    quoted = text[10:50]
    quoting = other[:20] + quoted + other[20:]
    (run,), (none,) = (longest_shared_runs([one], [text]) for one in (quoting, other))
    assert none == 0
    assert 0.7 * n_words(quoted) <= run <= n_words(quoted) + 1


@pytest.mark.parametrize(
    ("text", "least", "most"), [(CHINESE, 25, 45), (JAPANESE, 22, 45), (THAI, 20, 45)]
)
def test_lengths_are_in_words_without_spaces(text, least, most):
    """A sentence of some thirty words is not one word, nor one a letter."""
    assert least <= n_words(text) <= most


@pytest.mark.parametrize("text", ["我不知道。", "分かりません。", "ฉันไม่รู้ "])
def test_repetition_is_seen_without_spaces(text):
    """A text that says one thing over and over repeats itself; the sentences above do not."""
    assert repetition(text * 20) > 0.8
    assert max(map(repetition, (CHINESE, JAPANESE, THAI))) < 0.1


def test_width_and_accents_are_one_form():
    """Full-width letters, half-width kana and composed accents are the same words."""
    assert words("ＡＢＣ ｶﾞｲﾄﾞ cafe\u0301") == words("abc ガイド café")
    assert shingles("ＡＢＣ ｄｅｆ ｇｈｉ") == shingles("abc def ghi")


def test_marks_stay_with_their_letters():
    """Hindi words are whole, Thai letters keep their vowel signs, and scripts are told apart."""
    assert words("हिन्दी भाषा") == ["हिन्दी", "भाषा"]
    assert words("ดีมาก") == ["ดี", "ม", "า", "ก"]
    assert words("GPT-4模型, v2") == ["gpt", "4", "模", "型", "v2"]
    assert words_and_marks("GPT-4模型。 OK,") == ["gpt-4", "模", "型", "。", "ok,"]


@given(st.text("abc xyz,.!\n", max_size=80))
def test_spaced_text_is_as_before(text):
    """Where words have spaces, shingles are three of them and a length is their number."""
    own = text.split()
    n = max(1, len(own) - 2)
    assert shingles(text) == {" ".join(own[at : at + 3]) for at in range(n)}
    assert n_words(text) == len(own)


@given(st.text("ab 中文ไท。", max_size=40), st.integers(1, 6))
def test_runs_are_the_shortest_of_their_length(text, n):
    """Each run has at least n words and without its last unit fewer; the last places have none."""
    units = words_and_marks(text)
    found = list(runs(units, n))
    for start, end in found:
        assert length_in_words(units[start:end]) >= n > length_in_words(units[start : end - 1])
    assert [start for start, _ in found] == list(range(len(found)))
    assert length_in_words(units[len(found) :]) < n
    assert WORD == 6
