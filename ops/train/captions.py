"""The words of the demo model: products, colours, patterns and backgrounds in eight languages, and captions made of them."""

import random

# ----------------------------------------------------------------- vocabulary
COLOURS = {
    "red": (204, 36, 40),
    "orange": (240, 130, 28),
    "yellow": (244, 205, 50),
    "green": (52, 150, 72),
    "turquoise": (48, 190, 185),
    "blue": (38, 92, 200),
    "purple": (122, 60, 165),
    "pink": (242, 140, 175),
    "brown": (122, 78, 46),
    "black": (40, 40, 44),
    "white": (246, 245, 242),
    "grey": (142, 146, 150),
}
PRODUCTS = [
    "mug",
    "tshirt",
    "sneaker",
    "handbag",
    "bottle",
    "lamp",
    "armchair",
    "watch",
    "backpack",
    "headphones",
    "sunglasses",
    "plant",
]
PATTERNS = ["plain", "striped", "dotted", "twotone"]
SMALL = {"watch", "headphones", "sunglasses", "sneaker"}  # only plain / two-tone
BACKGROUNDS = ["white", "lightgrey", "pastel", "wood", "marble", "dark"]
LANGS = ["en", "fr", "de", "es", "it", "pt", "ja", "zh"]

EN = dict(
    n=dict(
        mug=["ceramic mug", "mug", "coffee mug", "cup"],
        tshirt=["t-shirt", "cotton t-shirt", "tee shirt"],
        sneaker=["sneaker", "running shoe", "shoe"],
        handbag=["handbag", "leather handbag", "bag"],
        bottle=["bottle", "water bottle", "glass bottle"],
        lamp=["table lamp", "lamp", "desk lamp"],
        armchair=["armchair", "upholstered armchair", "chair"],
        watch=["wristwatch", "watch"],
        backpack=["backpack", "rucksack"],
        headphones=["headphones", "pair of headphones", "over-ear headphones"],
        sunglasses=["sunglasses", "pair of sunglasses"],
        plant=["plant pot", "potted plant", "flower pot with a plant"],
    ),
    c={k: [k] for k in COLOURS},
    p=dict(plain=["plain", "solid"], striped=["striped"], dotted=["polka dot", "dotted"], twotone=["two-tone"]),
    b=dict(
        white=["on a white background", "white background"],
        lightgrey=["on a light grey background", "light grey background"],
        pastel=["on a pastel gradient background", "pastel gradient background"],
        wood=["on a wooden table", "wooden table"],
        marble=["on a marble surface", "marble"],
        dark=["in a dark studio", "dark studio background"],
    ),
    s=["studio product photo", "product photo", "packshot", "e-commerce product picture", "catalog photo"],
)
EN["c"]["turquoise"] = ["turquoise", "teal"]
EN["c"]["grey"] = ["grey", "gray"]
EN["c"]["purple"] = ["purple", "violet"]

# gendered: colour forms m, f, mp, fp ; noun = (article, noun, gender)
FR = dict(
    n=dict(
        mug=[("une", "tasse", "f"), ("une", "tasse en céramique", "f"), ("un", "mug", "m")],
        tshirt=[("un", "t-shirt", "m"), ("un", "t-shirt en coton", "m")],
        sneaker=[("une", "basket", "f"), ("une", "chaussure de sport", "f")],
        handbag=[("un", "sac à main", "m"), ("un", "sac à main en cuir", "m")],
        bottle=[("une", "bouteille", "f"), ("une", "gourde", "f")],
        lamp=[("une", "lampe de table", "f"), ("une", "lampe", "f")],
        armchair=[("un", "fauteuil", "m")],
        watch=[("une", "montre", "f"), ("une", "montre-bracelet", "f")],
        backpack=[("un", "sac à dos", "m")],
        headphones=[("un", "casque audio", "m"), ("un", "casque", "m")],
        sunglasses=[("des", "lunettes de soleil", "fp")],
        plant=[("un", "pot de fleurs", "m"), ("une", "plante en pot", "f")],
    ),
    c=dict(
        red="rouge rouge rouges rouges",
        orange="orange orange orange orange",
        yellow="jaune jaune jaunes jaunes",
        green="vert verte verts vertes",
        turquoise="turquoise turquoise turquoise turquoise",
        blue="bleu bleue bleus bleues",
        purple="violet violette violets violettes",
        pink="rose rose roses roses",
        brown="marron marron marron marron",
        black="noir noire noirs noires",
        white="blanc blanche blancs blanches",
        grey="gris grise gris grises",
    ),
    p=dict(
        plain="uni unie unis unies",
        striped="à_rayures " * 4,
        dotted="à_pois " * 4,
        twotone="bicolore bicolore bicolores bicolores",
    ),
    b=dict(
        white=["sur fond blanc", "fond blanc"],
        lightgrey=["sur fond gris clair", "fond gris clair"],
        pastel=["sur fond dégradé pastel", "dégradé pastel"],
        wood=["sur une table en bois", "table en bois"],
        marble=["sur une surface en marbre", "sur du marbre"],
        dark=["dans un studio sombre", "studio sombre"],
    ),
    s=["photo de produit en studio", "photo de produit", "packshot", "photo e-commerce", "photo de catalogue"],
)
ES = dict(
    n=dict(
        mug=[("una", "taza", "f"), ("una", "taza de cerámica", "f")],
        tshirt=[("una", "camiseta", "f"), ("una", "camiseta de algodón", "f")],
        sneaker=[("una", "zapatilla", "f"), ("una", "zapatilla deportiva", "f")],
        handbag=[("un", "bolso", "m"), ("un", "bolso de cuero", "m")],
        bottle=[("una", "botella", "f")],
        lamp=[("una", "lámpara de mesa", "f"), ("una", "lámpara", "f")],
        armchair=[("un", "sillón", "m")],
        watch=[("un", "reloj de pulsera", "m"), ("un", "reloj", "m")],
        backpack=[("una", "mochila", "f")],
        headphones=[("unos", "auriculares", "mp")],
        sunglasses=[("unas", "gafas de sol", "fp")],
        plant=[("una", "maceta", "f"), ("una", "planta en maceta", "f")],
    ),
    c=dict(
        red="rojo roja rojos rojas",
        orange="naranja naranja naranjas naranjas",
        yellow="amarillo amarilla amarillos amarillas",
        green="verde verde verdes verdes",
        turquoise="turquesa turquesa turquesas turquesas",
        blue="azul azul azules azules",
        purple="morado morada morados moradas",
        pink="rosa rosa rosas rosas",
        brown="marrón marrón marrones marrones",
        black="negro negra negros negras",
        white="blanco blanca blancos blancas",
        grey="gris gris grises grises",
    ),
    p=dict(
        plain="liso lisa lisos lisas",
        striped="a_rayas " * 4,
        dotted="de_lunares " * 4,
        twotone="bicolor bicolor bicolores bicolores",
    ),
    b=dict(
        white=["sobre fondo blanco", "fondo blanco"],
        lightgrey=["sobre fondo gris claro", "fondo gris claro"],
        pastel=["sobre fondo degradado pastel", "degradado pastel"],
        wood=["sobre una mesa de madera", "mesa de madera"],
        marble=["sobre una superficie de mármol", "sobre mármol"],
        dark=["en un estudio oscuro", "estudio oscuro"],
    ),
    s=["foto de producto en estudio", "foto de producto", "packshot", "foto para tienda online", "foto de catálogo"],
)
IT = dict(
    n=dict(
        mug=[("una", "tazza", "f"), ("una", "tazza in ceramica", "f")],
        tshirt=[("una", "maglietta", "f"), ("una", "t-shirt", "f")],
        sneaker=[("una", "scarpa da ginnastica", "f"), ("una", "sneaker", "f")],
        handbag=[("una", "borsa", "f"), ("una", "borsa in pelle", "f")],
        bottle=[("una", "bottiglia", "f"), ("una", "borraccia", "f")],
        lamp=[("una", "lampada da tavolo", "f"), ("una", "lampada", "f")],
        armchair=[("una", "poltrona", "f")],
        watch=[("un", "orologio da polso", "m"), ("un", "orologio", "m")],
        backpack=[("uno", "zaino", "m")],
        headphones=[("delle", "cuffie", "fp")],
        sunglasses=[("degli", "occhiali da sole", "mp")],
        plant=[("un", "vaso con pianta", "m"), ("una", "pianta in vaso", "f")],
    ),
    c=dict(
        red="rosso rossa rossi rosse",
        orange="arancione arancione arancioni arancioni",
        yellow="giallo gialla gialli gialle",
        green="verde verde verdi verdi",
        turquoise="turchese turchese turchesi turchesi",
        blue="blu blu blu blu",
        purple="viola viola viola viola",
        pink="rosa rosa rosa rosa",
        brown="marrone marrone marroni marroni",
        black="nero nera neri nere",
        white="bianco bianca bianchi bianche",
        grey="grigio grigia grigi grigie",
    ),
    p=dict(
        plain="tinta_unita " * 4,
        striped="a_righe " * 4,
        dotted="a_pois " * 4,
        twotone="bicolore bicolore bicolori bicolori",
    ),
    b=dict(
        white=["su sfondo bianco", "sfondo bianco"],
        lightgrey=["su sfondo grigio chiaro", "sfondo grigio chiaro"],
        pastel=["su sfondo sfumato pastello", "sfumato pastello"],
        wood=["su un tavolo di legno", "tavolo di legno"],
        marble=["su una superficie di marmo", "su marmo"],
        dark=["in uno studio scuro", "studio scuro"],
    ),
    s=["foto di prodotto in studio", "foto di prodotto", "packshot", "foto e-commerce", "foto da catalogo"],
)
PT = dict(
    n=dict(
        mug=[("uma", "caneca", "f"), ("uma", "caneca de cerâmica", "f")],
        tshirt=[("uma", "camiseta", "f"), ("uma", "t-shirt", "f")],
        sneaker=[("um", "tênis", "m"), ("uma", "sapatilha", "f")],
        handbag=[("uma", "bolsa", "f"), ("uma", "bolsa de couro", "f")],
        bottle=[("uma", "garrafa", "f")],
        lamp=[("um", "abajur", "m"), ("um", "candeeiro de mesa", "m")],
        armchair=[("uma", "poltrona", "f")],
        watch=[("um", "relógio de pulso", "m"), ("um", "relógio", "m")],
        backpack=[("uma", "mochila", "f")],
        headphones=[("uns", "fones de ouvido", "mp")],
        sunglasses=[("uns", "óculos de sol", "mp")],
        plant=[("um", "vaso de planta", "m"), ("uma", "planta em vaso", "f")],
    ),
    c=dict(
        red="vermelho vermelha vermelhos vermelhas",
        orange="laranja laranja laranja laranja",
        yellow="amarelo amarela amarelos amarelas",
        green="verde verde verdes verdes",
        turquoise="turquesa turquesa turquesa turquesa",
        blue="azul azul azuis azuis",
        purple="roxo roxa roxos roxas",
        pink="rosa rosa rosa rosa",
        brown="marrom marrom marrons marrons",
        black="preto preta pretos pretas",
        white="branco branca brancos brancas",
        grey="cinza cinza cinza cinza",
    ),
    p=dict(
        plain="liso lisa lisos lisas",
        striped="às_riscas " * 4,
        dotted="de_bolinhas " * 4,
        twotone="bicolor bicolor bicolores bicolores",
    ),
    b=dict(
        white=["em fundo branco", "fundo branco"],
        lightgrey=["em fundo cinza claro", "fundo cinza claro"],
        pastel=["em fundo degradê pastel", "degradê pastel"],
        wood=["em uma mesa de madeira", "mesa de madeira"],
        marble=["em uma superfície de mármore", "sobre mármore"],
        dark=["em um estúdio escuro", "estúdio escuro"],
    ),
    s=["foto de produto em estúdio", "foto de produto", "packshot", "foto para e-commerce", "foto de catálogo"],
)
DE = dict(
    n=dict(
        mug=[("f", "Tasse"), ("f", "Keramiktasse"), ("m", "Becher")],
        tshirt=[("n", "T-Shirt"), ("n", "Baumwoll-T-Shirt")],
        sneaker=[("m", "Sneaker"), ("m", "Turnschuh")],
        handbag=[("f", "Handtasche"), ("f", "Lederhandtasche")],
        bottle=[("f", "Flasche"), ("f", "Trinkflasche")],
        lamp=[("f", "Tischlampe"), ("f", "Lampe")],
        armchair=[("m", "Sessel")],
        watch=[("f", "Armbanduhr"), ("f", "Uhr")],
        backpack=[("m", "Rucksack")],
        headphones=[("m", "Kopfhörer")],
        sunglasses=[("f", "Sonnenbrille")],
        plant=[("m", "Blumentopf"), ("f", "Topfpflanze")],
    ),
    c=dict(
        red="rot",
        orange="orangefarben",
        yellow="gelb",
        green="grün",
        turquoise="türkisfarben",
        blue="blau",
        purple="violett",
        pink="rosafarben",
        brown="braun",
        black="schwarz",
        white="weiß",
        grey="grau",
    ),
    p=dict(plain="einfarbig", striped="gestreift", dotted="gepunktet", twotone="zweifarbig"),
    b=dict(
        white=["auf weißem Hintergrund", "weißer Hintergrund"],
        lightgrey=["auf hellgrauem Hintergrund", "hellgrauer Hintergrund"],
        pastel=["auf pastellfarbenem Verlauf", "pastellfarbener Verlauf"],
        wood=["auf einem Holztisch", "Holztisch"],
        marble=["auf einer Marmorfläche", "auf Marmor"],
        dark=["in einem dunklen Studio", "dunkles Studio"],
    ),
    s=["Studio-Produktfoto", "Produktfoto", "Packshot", "Produktbild für den Onlineshop", "Katalogfoto"],
)
JA = dict(
    n=dict(
        mug=["マグカップ", "陶器のマグカップ", "カップ"],
        tshirt=["Tシャツ"],
        sneaker=["スニーカー", "ランニングシューズ"],
        handbag=["ハンドバッグ", "革のハンドバッグ"],
        bottle=["ボトル", "水筒"],
        lamp=["テーブルランプ", "ランプ"],
        armchair=["アームチェア", "肘掛け椅子"],
        watch=["腕時計"],
        backpack=["リュックサック", "バックパック"],
        headphones=["ヘッドホン"],
        sunglasses=["サングラス"],
        plant=["植木鉢", "鉢植え"],
    ),
    c=dict(
        red="赤い",
        orange="オレンジ色の",
        yellow="黄色い",
        green="緑色の",
        turquoise="ターコイズ色の",
        blue="青い",
        purple="紫色の",
        pink="ピンクの",
        brown="茶色の",
        black="黒い",
        white="白い",
        grey="グレーの",
    ),
    p=dict(plain="無地の", striped="ストライプ柄の", dotted="水玉模様の", twotone="ツートンカラーの"),
    b=dict(
        white=["白い背景", "白背景"],
        lightgrey=["薄いグレーの背景"],
        pastel=["パステルグラデーションの背景"],
        wood=["木製テーブルの上", "木のテーブルの上"],
        marble=["大理石の上", "大理石のテーブルの上"],
        dark=["暗いスタジオ"],
    ),
    s=["スタジオ商品写真", "商品写真", "パックショット", "ECサイト用の商品画像", "カタログ写真"],
)
ZH = dict(
    n=dict(
        mug=["马克杯", "陶瓷马克杯", "杯子"],
        tshirt=["T恤", "棉质T恤"],
        sneaker=["运动鞋", "跑鞋"],
        handbag=["手提包", "皮革手提包"],
        bottle=["水瓶", "瓶子"],
        lamp=["台灯"],
        armchair=["扶手椅", "单人沙发"],
        watch=["手表", "腕表"],
        backpack=["双肩包", "背包"],
        headphones=["耳机", "头戴式耳机"],
        sunglasses=["太阳镜", "墨镜"],
        plant=["盆栽", "花盆"],
    ),
    c=dict(
        red="红色",
        orange="橙色",
        yellow="黄色",
        green="绿色",
        turquoise="青绿色",
        blue="蓝色",
        purple="紫色",
        pink="粉色",
        brown="棕色",
        black="黑色",
        white="白色",
        grey="灰色",
    ),
    p=dict(plain="纯色", striped="条纹", dotted="圆点", twotone="双色"),
    b=dict(
        white=["白色背景"],
        lightgrey=["浅灰色背景"],
        pastel=["柔和渐变背景"],
        wood=["木桌上"],
        marble=["大理石台面上"],
        dark=["暗色摄影棚"],
    ),
    s=["棚拍产品照片", "产品照片", "产品图", "电商产品图", "商品摄影"],
)
TABLES = dict(en=EN, fr=FR, de=DE, es=ES, it=IT, pt=PT, ja=JA, zh=ZH)
FILLERS = [
    "high quality",
    "soft light",
    "front view",
    "centered",
    "sharp focus",
    "premium",
    "minimalist",
    "4k",
    "new",
    "modern",
    "elegant",
    "clean",
    "handmade",
    "éclairage doux",
    "haute qualité",
    "weiches Licht",
    "hohe Qualität",
    "luz suave",
    "alta calidad",
    "luce morbida",
    "alta qualità",
    "alta qualidade",
]
TEMPLATES = {
    "en": [
        "a {colour} {pattern} {product} {background}, {suffix}",
        "{colour} {pattern} {product}, {background-short}",
        "{suffix} of a {colour} {pattern} {product} {background}",
        "{colour} {pattern} {product} {background}",
        "{colour} {product}",
    ],
    "fr/es/it/pt": [
        "{article} {product} {colour} {pattern} {background}, {suffix}",
        "{product} {colour} {pattern}, {background-short}",
        "{suffix}: {article} {product} {colour} {pattern} {background}",
        "{product} {colour} {pattern} {background}",
        "{product} {colour}",
    ],
    "de": [
        "ein(e) {colour} {pattern} {product} {background}, {suffix}",
        "{colour} {pattern} {product}, {background-short}",
        "{suffix}: {colour} {pattern} {product} {background}",
    ],
    "ja": [
        "{background}の{colour}{pattern}{product}、{suffix}",
        "{colour}{pattern}{product}、{background}",
        "{colour}{product}",
    ],
    "zh": [
        "{background}的{colour}{pattern}{product}，{suffix}",
        "{colour}{pattern}{product}，{background}",
        "一个{colour}{pattern}{product}，{background}，{suffix}",
        "{colour}{product}",
    ],
}


def caption(prod, col, pat, bg, rng, lang=None):
    lang = lang or rng.choices(LANGS, [16, 12, 12, 12, 12, 12, 12, 12])[0]
    T = TABLES[lang]
    ch = rng.choice
    r = rng.random()
    show_pat = pat != "plain" or rng.random() < 0.15
    sfx = ch(T["s"])
    if lang == "en":
        n, c = ch(T["n"][prod]), ch(T["c"][col])
        p = ch(T["p"][pat]) + " " if show_pat else ""
        bl, bs = T["b"][bg]
        core = f"{c} {p}{n}" if rng.random() < 0.85 or not p else f"{p}{c} {n}"
        art = (
            ""
            if prod in ("headphones", "sunglasses") and not n.startswith("pair")
            else ("an " if core[0] in "aeiou" else "a ")
        )
        if r < 0.35:
            s = f"{art}{core} {bl}, {sfx}"
        elif r < 0.60:
            s = f"{core}, {bs}"
        elif r < 0.75:
            s = f"{sfx} of {art}{core} {bl}"
        elif r < 0.95:
            s = f"{art if rng.random() < 0.5 else ''}{core} {bl}"
        else:
            s = core
    elif lang in ("fr", "es", "it", "pt"):
        a, n, g = ch(T["n"][prod])
        gi = ("m", "f", "mp", "fp").index(g)
        c = T["c"][col].split()[gi]
        p = " " + T["p"][pat].split()[gi].replace("_", " ") if show_pat else ""
        bl, bs = T["b"][bg]
        core = f"{n} {c}{p}"
        if r < 0.40:
            s = f"{a} {core} {bl}, {sfx}"
        elif r < 0.65:
            s = f"{core}, {bs}"
        elif r < 0.77:
            s = f"{sfx}: {a} {core} {bl}"
        elif r < 0.95:
            s = f"{core} {bl}"
        else:
            s = core
    elif lang == "de":
        g, n = ch(T["n"][prod])
        e = dict(m="er", f="e", n="es")[g]
        art = dict(m="ein", f="eine", n="ein")[g]
        core = f"{T['c'][col]}{e} " + (f"{T['p'][pat]}{e} " if show_pat else "") + n
        bl, bs = T["b"][bg]
        if r < 0.40:
            s = f"{art} {core} {bl}, {sfx}"
        elif r < 0.65:
            s = f"{core}, {bs}"
        elif r < 0.77:
            s = f"{sfx}: {art} {core} {bl}"
        elif r < 0.95:
            s = f"{core} {bl}"
        else:
            s = core
    elif lang == "ja":
        core = T["c"][col] + (T["p"][pat] if show_pat else "") + ch(T["n"][prod])
        b = ch(T["b"][bg])
        if r < 0.40:
            s = f"{b}の{core}、{sfx}"
        elif r < 0.75:
            s = f"{core}、{b}" + (f"、{sfx}" if rng.random() < 0.3 else "")
        elif r < 0.95:
            s = f"{b}の{core}"
        else:
            s = core
    else:
        core = T["c"][col] + (T["p"][pat] if show_pat else "") + ch(T["n"][prod])
        b = ch(T["b"][bg])
        if r < 0.40:
            s = f"{b}的{core}，{sfx}"
        elif r < 0.75:
            s = f"{core}，{b}" + (f"，{sfx}" if rng.random() < 0.3 else "")
        elif r < 0.95:
            s = f"一个{core}，{b}，{sfx}"
        else:
            s = core
    q = rng.random()
    sep = {"ja": "、", "zh": "，"}.get(lang, ", ")
    if q < 0.12:
        s = s + sep + ch(FILLERS)
    elif q < 0.15:
        s = s + sep + "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 7)))
    elif q < 0.16:
        s = s + sep + f"SKU {rng.randint(100, 9999)}"
    if rng.random() < 0.15:
        s = s + ("。" if lang in ("ja", "zh") else ".")
    if lang not in ("ja", "zh") and rng.random() < 0.5:
        s = s[0].upper() + s[1:]
    return s


def vocab_lines():
    """Corpus for the tokenizer: ja/zh are listed word by word so that BPE does not fuse attributes."""
    out = []
    rng = random.Random(0)
    for lang in ("en", "fr", "de", "es", "it", "pt"):
        for _ in range(6000):
            out.append(caption(*sample_attributes(rng), rng, lang))
    for T in (JA, ZH):
        words = (
            [w for v in T["n"].values() for w in v]
            + list(T["c"].values())
            + list(T["p"].values())
            + [w for v in T["b"].values() for w in v]
            + T["s"]
        )
        out += words * 40
    out += FILLERS * 40 + ["。", "、", "，", "の", "的", "一个"] * 200
    return out


def sample_attributes(rng):
    prod = rng.choice(PRODUCTS)
    col = rng.choice(list(COLOURS))
    if prod in SMALL:
        pat = rng.choices(["plain", "twotone"], [7, 3])[0]
    else:
        pat = rng.choices(PATTERNS, [5, 2, 2, 2])[0]
    return prod, col, pat, rng.choice(BACKGROUNDS)
