"""Captions of drawings in eight languages, and the random attributes they describe."""

import random

from words import BACKGROUNDS, COLOURS, FILLERS, LANGS, PATTERNS, PRODUCTS, SMALL, TABLES

# What a model of this size finds hard is drawn more often: dots, and the dark studio, where every edge changes its sign.
PATTERN_SHARES = {"plain": 4, "striped": 2, "dotted": 3, "twotone": 2}
BACKGROUND_SHARES = {"dark": 2.5}
LANGUAGE_SHARES = [16, 12, 12, 12, 12, 12, 12, 12]
FORMS = ("m", "f", "mp", "fp")
GERMAN = {"m": ("ein", "er"), "f": ("eine", "e"), "n": ("ein", "es")}

# Sentences and their weights. The last of each language does not say where the product stands.
ROMANCE = [
    (0.40, "{article} {core} {place}, {suffix}"),
    (0.25, "{core}, {short}"),
    (0.12, "{suffix}: {article} {core} {place}"),
    (0.18, "{core} {place}"),
    (0.05, "{core}"),
]
SENTENCES = {
    "en": [
        (0.35, "{article} {core} {place}, {suffix}"),
        (0.25, "{core}, {short}"),
        (0.15, "{suffix} of {article} {core} {place}"),
        (0.10, "{article} {core} {place}"),
        (0.10, "{core} {place}"),
        (0.05, "{core}"),
    ],
    "fr": ROMANCE,
    "de": ROMANCE,
    "es": ROMANCE,
    "it": ROMANCE,
    "pt": ROMANCE,
    "ja": [
        (0.40, "{place}の{core}、{suffix}"),
        (0.25, "{core}、{place}"),
        (0.10, "{core}、{place}、{suffix}"),
        (0.20, "{place}の{core}"),
        (0.05, "{core}"),
    ],
    "zh": [
        (0.40, "{place}的{core}，{suffix}"),
        (0.25, "{core}，{place}"),
        (0.10, "{core}，{place}，{suffix}"),
        (0.20, "一个{core}，{place}，{suffix}"),
        (0.05, "{core}"),
    ],
}
COMMAS = {"ja": "、", "zh": "，"}
STOPS = {"ja": "。", "zh": "。"}


def sample_attributes(rng):
    """A random (product, colour, pattern, background)."""
    product = rng.choice(PRODUCTS)
    colour = rng.choice(list(COLOURS))
    if product in SMALL:
        pattern = rng.choices(["plain", "twotone"], [7, 3])[0]
    else:
        pattern = rng.choices(PATTERNS, [PATTERN_SHARES[p] for p in PATTERNS])[0]
    background = rng.choices(BACKGROUNDS, [BACKGROUND_SHARES.get(b, 1) for b in BACKGROUNDS])[0]
    return product, colour, pattern, background


def core_and_article(product, colour, pattern, lang, rng):
    """The product with its adjectives, and its article ("" where there is none). `pattern` is None when not said."""
    table = TABLES[lang]
    name = rng.choice(table["n"][product])
    if lang == "en":
        words = [rng.choice(table["c"][colour])] + ([rng.choice(table["p"][pattern])] if pattern else [])
        if rng.random() < 0.15:
            words.reverse()
        core = " ".join([*words, name])
        plural = product in ("headphones", "sunglasses") and not name.startswith("pair")
        return core, "" if plural else "an" if core[0] in "aeiou" else "a"
    if lang == "de":
        gender, noun = name
        article, ending = GERMAN[gender]
        adjectives = [table["c"][colour] + ending] + ([table["p"][pattern] + ending] if pattern else [])
        return " ".join([*adjectives, noun]), article
    if lang in ("ja", "zh"):
        return table["c"][colour] + (table["p"][pattern] if pattern else "") + name, ""
    article, noun, form = name
    adjectives = [table[key][word].split()[FORMS.index(form)] for key, word in (("c", colour), ("p", pattern)) if word]
    return " ".join([noun, *adjectives]).replace("_", " "), article


def caption(product, colour, pattern, background, rng, lang=None, placed=False):
    """A caption as somebody might type it. `placed`: it names the background for certain (one in twenty does not)."""
    lang = lang or rng.choices(LANGS, LANGUAGE_SHARES)[0]
    said = pattern if pattern != "plain" or rng.random() < 0.15 else None
    core, article = core_and_article(product, colour, said, lang, rng)
    place = TABLES[lang]["b"][background]
    if lang in ("ja", "zh"):
        place = [rng.choice(place)] * 2
    sentences = SENTENCES[lang][:-1] if placed else SENTENCES[lang]
    sentence = rng.choices([s for _, s in sentences], [w for w, _ in sentences])[0]
    suffix = rng.choice(TABLES[lang]["s"])
    text = sentence.format(article=article, core=core, place=place[0], short=place[1], suffix=suffix)
    text = text.replace("  ", " ").strip()
    extra, comma = rng.random(), COMMAS.get(lang, ", ")
    if extra < 0.12:
        text += comma + rng.choice(FILLERS)
    elif extra < 0.15:
        text += comma + "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 7)))
    elif extra < 0.16:
        text += comma + f"SKU {rng.randint(100, 9999)}"
    if rng.random() < 0.15:
        text += STOPS.get(lang, ".")
    if lang not in ("ja", "zh") and rng.random() < 0.5:
        text = text[0].upper() + text[1:]
    return text


def tokenizer_corpus():
    """Text for the tokenizer; Japanese and Chinese are listed word by word, so that BPE does not fuse attributes."""
    rng = random.Random(0)
    spaced = [lang for lang in LANGS if lang not in ("ja", "zh")]
    lines = [caption(*sample_attributes(rng), rng, lang) for lang in spaced for _ in range(6000)]
    for lang in ("ja", "zh"):
        table = TABLES[lang]
        words = [w for key in ("n", "b") for values in table[key].values() for w in values]
        words += [*table["c"].values(), *table["p"].values(), *table["s"]]
        lines += words * 40
    return lines + FILLERS * 40 + ["。", "、", "，", "の", "的", "一个"] * 200
