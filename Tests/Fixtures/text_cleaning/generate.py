#!/usr/bin/env python3
"""Random prompts and what the reference makes of them: the truth ReferenceCleaningTests compares with.

    pip install ftfy==6.3.1 && pip download --no-deps diffusers==0.42.1 && unzip diffusers-*.whl -d diffusers
    python3.11 generate.py diffusers/diffusers/pipelines/prx/pipeline_prx.py 1 1500 > random.json

Python 3.11, because its tables are Unicode 14.0. The class is cut out of its file, so that torch is not needed. Arguments
after the file: seed, number of prompts.
"""
import ast
import html
import html.entities
import json
import random
import re
import sys
import unicodedata
import urllib.parse as ul

import ftfy
from ftfy import chardata

WORDS = (
    "a red mug on the table free shipping worldwide download page click for on image images png jpg JPEG webp mp4 "
    "iPhone12 jc6640vc ab123 6640vc231 j2d1a2a3 10x20 10.5x20.25cm 3х4 5×6 http https www example.com foo.co.uk "
    "bar.ru/path/x_y-z mail@site.org .com www. 4:33 192.168.1.254 1.2.3.4.5 #123 #12345 #1234 123456 1234567 a.jpg "
    "a.b.png photo.jpeg.pdf c.mp4x \\n \\\\n <person> <b> &amp; &amp;amp; &quot; &quot &lt;b&gt; &nbsp; &eacute; "
    "&EACUTE; &notit &#65; &#x42; &#59; &#150; &#0; &#1; &NTILDE; &fjlig; &ampersand &a&quot;mp;x café ΣΊΣΥΦΟΣ ΑΣ Σ "
    "İstanbul straße ŉ ǅ ﬁn ﬄ ĲS"
).split(" ")
SCRIPTS = [
    "Привет мир красная кружка", "红色的椅子 東京", "カメラで撮影した赤いバラ", "ｶﾞｷﾞｸﾞ ＦＵＬＬ　ｗｉｄｔｈ", "한국어 빨간 사과",
    "हिन्दी लाल कप", "ภาษาไทย ถ้วยสีแดง", "العربية كوب أحمر ٣٤", "עברית ספל אדום", "Ελληνικά κόκκινη κούπα ΟΔΟΣ",
    "Tiếng Việt cốc đỏ", "naïve Ångström œuvre Œil ÿ", "Ã la mode à quel", "“quotes” ‘single’ «guil» „low‟ …—–",
    "😀🏳️‍🌈👩‍👩‍👧", "①②Ⅷ½²³ ⅔ ৪", "polski żółć Łódź", "Türkçe şişe ğ ı İ",
]
MARKS = list(" \t\n\r.,:;-_+/\\\"'`´¨«»#@&%()[]{}|*~!?<>=") + [
    "\u2014", "\u3000", "\xa0", "\x1c", "\x85", "\u2028", "\r\n", "\x1b[0m", "\x1b[31;1m", "\x0b", "\x00", "\x7f",
    "\ufeff", "\ufffc", "\u200d", "\u206a", "\ufffd", "\x1a", " . ", " : ", "...", "--", '""', "    ", "%20", "%C3%A9",
    "%E2%82", "%zz", "\u0301", "\u0327", "\u3099", "\u0323", "\u093c", "\u0345", "\u0f73",
]
BYTES = [0xC2, 0xC3, 0xE2, 0xE3, 0xE0, 0xED, 0xA0, 0xB0, 0x80, 0x85, 0x20, 0x1A, 0x3F, 0xF0, 0x9F, 0xC0, 0x0A, 0xBF]
CLUES = sorted({c for s in chardata.UTF8_CLUES.values() for c in s} | set("¤§°±²×ªº№™†‡‰€£¥®»”¡«¿©‘“•│═█αΩЯя"))
ASSIGNED = [chr(i) for i in range(0x110000) if unicodedata.category(chr(i)) not in ("Cs", "Cn", "Co")]


def mojibake(r, text):
    for _ in range(r.choice([1, 1, 1, 2, 3])):
        text = text.encode("utf-8").decode(r.choice(chardata.CHARMAP_ENCODINGS), "replace")
        if r.random() < 0.15:
            text = text.replace("\xa0", " ")
        if r.random() < 0.1:
            text = "".join(c if r.random() > 0.03 else r.choice("?\ufffd") for c in text)
    return text


def piece(r):
    def cut(text, most):
        start = r.randrange(len(text))
        return text[start : start + r.randrange(1, most)]

    def some(pool, most):
        return "".join(r.choice(pool) for _ in range(r.randrange(1, most)))

    makers = [
        (25, lambda: r.choice(WORDS)),
        (15, lambda: r.choice(MARKS)),
        (10, lambda: cut(r.choice(SCRIPTS), 12)),
        (15, lambda: mojibake(r, cut(r.choice(SCRIPTS), 12))),
        (6, lambda: "&" + r.choice(sorted(html.entities.html5))),
        (3, lambda: "&#" + r.choice(["", "x", "X"]) + some("0123456789abcdef", 7) + r.choice([";", ""])),
        (10, lambda: some(CLUES, 5)),
        (3, lambda: some("abcXYZ019._-/x:@#\"' ", 10)),
        (2, lambda: some("0123456789.x× ", 12)),
        (3, lambda: some([chr(b) for b in BYTES], 8)),
        (2, lambda: r.choice(ASSIGNED)),
        (6, lambda: " "),
    ]
    return r.choices([m for _, m in makers], [w for w, _ in makers])[0]()


def main():
    source, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    tree = ast.parse(open(source, encoding="utf-8").read())
    tree.body = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "TextPreprocessor"]
    names = {"re": re, "ul": ul, "html": html, "ftfy": ftfy}
    exec(compile(tree, source, "exec"), names)
    reference = names["TextPreprocessor"]()
    r = random.Random(seed)
    items = []
    for _ in range(count):
        text = r.choice(["", " "]).join(piece(r) for _ in range(r.choice([1, 2, 3, 4, 6, 9])))
        items.append([text, reference.clean_text(text), reference.basic_clean(text)])
    print('{"what": "text, clean_text, basic_clean; made by generate.py", "items": [')
    print(",\n".join(json.dumps(item) for item in items))
    print("]}")


main()
