"""Procedural product pictures, drawn with Skia: the only data the demo model ever sees."""

import math

import numpy as np
import skia

from captions import caption, sample_attributes
from words import COLOURS


# ----------------------------------------------------------------- drawing
def C(rgb, a=255):
    return skia.Color(*[max(0, min(255, int(v))) for v in rgb], int(a))


def mix(a, b, t):
    return tuple(x + (y - x) * t for x, y in zip(a, b))


def fill(rgb, a=255):
    return skia.Paint(Color=C(rgb, a), AntiAlias=True)


def stroke(rgb, w, a=255):
    return skia.Paint(
        Color=C(rgb, a),
        AntiAlias=True,
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=w,
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeJoin=skia.Paint.kRound_Join,
    )


def rr(x0, y0, x1, y1, r):
    p = skia.Path()
    p.addRoundRect(skia.Rect.MakeLTRB(x0, y0, x1, y1), r, r)
    return p


def poly(pts):
    p = skia.Path()
    p.moveTo(*pts[0])
    for q in pts[1:]:
        p.lineTo(*q)
    p.close()
    return p


def lin(p0, p1, cols, pos=None):
    return (
        skia.GradientShader.MakeLinear([skia.Point(*p0), skia.Point(*p1)], cols, pos)
        if pos
        else skia.GradientShader.MakeLinear([skia.Point(*p0), skia.Point(*p1)], cols)
    )


class Style:
    def __init__(s, base, accent, pat):
        s.base, s.accent, s.pat = base, accent, pat
        s.dark = mix(base, (0, 0, 0), 0.35)
        s.light = mix(base, (255, 255, 255), 0.35)


def body(c, path, st, pat=None, shade=1.0):
    pat = st.pat if pat is None else pat
    c.drawPath(path, fill(st.base))
    b = path.getBounds()
    x0, y0, x1, y1 = b.left(), b.top(), b.right(), b.bottom()
    c.save()
    c.clipPath(path, skia.ClipOp.kIntersect, True)
    if pat == "striped":
        n = max(2, round((y1 - y0) / 13))
        h = (y1 - y0) / n
        for i in range(n):
            c.drawRect(skia.Rect.MakeLTRB(x0, y0 + h * (i + 0.5), x1, y0 + h * (i + 1)), fill(st.accent))
    elif pat == "dotted":
        sp = 12.0
        cx = (x0 + x1) / 2
        j = 0
        y = y0 + 6
        while y < y1 + 4:
            x = cx + (sp / 2 if j % 2 else 0) - sp * 6
            while x < x1 + 4:
                c.drawCircle(x, y, 2.9, fill(st.accent))
                x += sp
            y += sp * 0.87
            j += 1
    elif pat == "twotone":
        c.drawRect(skia.Rect.MakeLTRB(x0, y0 + (y1 - y0) * 0.55, x1, y1), fill(st.accent))
    p = skia.Paint(
        AntiAlias=True,
        Shader=lin(
            (x0, 0),
            (x1, 0),
            [C((0, 0, 0), 55 * shade), C((255, 255, 255), 60 * shade), C((255, 255, 255), 0), C((0, 0, 0), 85 * shade)],
            [0, 0.28, 0.55, 1],
        ),
    )
    c.drawRect(skia.Rect.MakeLTRB(x0, y0, x1, y1), p)
    c.restore()
    c.drawPath(path, stroke(st.dark, 0.8, 150))


def d_mug(c, st):
    c.drawPath(_arc(68, 55, 14, 16, -80, 160), stroke(st.dark, 8))
    c.drawPath(_arc(68, 55, 14, 16, -80, 160), stroke(st.base, 6))
    p = skia.Path()
    p.moveTo(22, 30)
    p.lineTo(70, 30)
    p.lineTo(68, 80)
    p.quadTo(67, 87, 58, 87)
    p.lineTo(34, 87)
    p.quadTo(25, 87, 24, 80)
    p.close()
    body(c, p, st)
    c.drawOval(skia.Rect.MakeLTRB(22, 25, 70, 35), fill(st.light))
    c.drawOval(skia.Rect.MakeLTRB(25, 26.5, 67, 33.5), fill(mix(st.dark, (60, 35, 20), 0.5)))


def _arc(cx, cy, rx, ry, a0, sweep):
    p = skia.Path()
    p.addArc(skia.Rect.MakeLTRB(cx - rx, cy - ry, cx + rx, cy + ry), a0, sweep)
    return p


def d_tshirt(c, st):
    p = skia.Path()
    p.moveTo(37, 14)
    p.quadTo(50, 26, 63, 14)
    p.lineTo(72, 17)
    p.lineTo(92, 34)
    p.lineTo(81, 47)
    p.lineTo(73, 41)
    p.lineTo(74, 87)
    p.lineTo(26, 87)
    p.lineTo(27, 41)
    p.lineTo(19, 47)
    p.lineTo(8, 34)
    p.lineTo(28, 17)
    p.close()
    body(c, p, st, shade=0.7)
    q = skia.Path()
    q.moveTo(37, 14)
    q.quadTo(50, 26, 63, 14)
    c.drawPath(q, stroke(st.dark, 2.2))
    c.drawLine(73, 41, 71, 30, stroke(st.dark, 1))
    c.drawLine(27, 41, 29, 30, stroke(st.dark, 1))


def d_sneaker(c, st):
    p = skia.Path()
    p.moveTo(90, 76)
    p.lineTo(91, 40)
    p.quadTo(84, 34, 78, 40)
    p.quadTo(70, 48, 58, 44)
    p.quadTo(46, 56, 26, 60)
    p.quadTo(9, 64, 9, 76)
    p.close()
    body(c, p, Style(st.base, st.accent, "plain"))
    if st.pat == "twotone":
        c.save()
        c.clipPath(p, skia.ClipOp.kIntersect, True)
        c.drawOval(skia.Rect.MakeLTRB(-2, 58, 30, 92), fill(st.accent))
        c.drawRect(skia.Rect.MakeLTRB(78, 52, 95, 80), fill(st.accent))
        c.restore()
    for i in range(4):
        x = 56 - i * 6
        y = 48 + i * 3.2
        c.drawLine(x, y, x + 6, y + 9, stroke((250, 250, 250), 2.2))
    c.drawPath(rr(6, 74, 94, 86, 5), fill((240, 240, 238)))
    c.drawPath(rr(6, 82, 94, 87, 2.5), fill((150, 150, 152)))
    c.drawPath(rr(6, 74, 94, 87, 5), stroke((120, 120, 120), 0.7))


def d_handbag(c, st):
    h = skia.Path()
    h.moveTo(33, 46)
    h.cubicTo(33, 6, 67, 6, 67, 46)
    c.drawPath(h, stroke(st.dark, 5))
    c.drawPath(h, stroke(st.base, 2.5))
    p = skia.Path()
    p.moveTo(21, 42)
    p.lineTo(79, 42)
    p.lineTo(88, 82)
    p.quadTo(88, 87, 83, 87)
    p.lineTo(17, 87)
    p.quadTo(12, 87, 12, 82)
    p.close()
    body(c, p, st)
    c.drawLine(20, 50, 80, 50, stroke(st.dark, 1.6))
    c.drawPath(rr(45, 46, 55, 56, 2), fill((225, 180, 70)))
    c.drawPath(rr(45, 46, 55, 56, 2), stroke((130, 95, 30), 0.8))


def d_bottle(c, st):
    p = skia.Path()
    p.moveTo(43, 20)
    p.lineTo(57, 20)
    p.lineTo(57, 28)
    p.cubicTo(58, 34, 67, 36, 67, 46)
    p.lineTo(67, 83)
    p.quadTo(67, 88, 62, 88)
    p.lineTo(38, 88)
    p.quadTo(33, 88, 33, 83)
    p.lineTo(33, 46)
    p.cubicTo(33, 36, 42, 34, 43, 28)
    p.close()
    body(c, p, st, shade=1.3)
    c.drawPath(rr(41, 8, 59, 21, 2.5), fill((64, 64, 70)))
    c.drawPath(rr(43.5, 9, 47, 20, 1.5), fill((130, 130, 138)))
    c.drawPath(rr(38, 48, 41, 80, 1.5), fill((255, 255, 255), 110))


def d_lamp(c, st):
    c.drawLine(50, 44, 50, 82, stroke((120, 95, 50), 4))
    c.drawLine(49.3, 44, 49.3, 82, stroke((225, 190, 110), 1.6))
    c.drawPath(rr(33, 80, 67, 88, 4), fill((150, 120, 66)))
    c.drawPath(rr(35, 80.5, 60, 83.5, 2), fill((225, 190, 110)))
    g = skia.Paint(
        AntiAlias=True, Color=C((255, 226, 140), 150), MaskFilter=skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 4)
    )
    c.drawOval(skia.Rect.MakeLTRB(30, 44, 70, 58), g)
    body(c, poly([(37, 10), (63, 10), (82, 47), (18, 47)]), st)


def d_armchair(c, st):
    for x in (22, 78):
        c.drawLine(x, 76, x, 87, stroke((96, 62, 36), 4.5))
    body(c, rr(20, 18, 80, 70, 13), st)
    body(c, rr(18, 60, 82, 80, 4), Style(st.dark, st.dark, "plain"), "plain")
    body(c, rr(26, 54, 74, 68, 6), Style(st.light, st.light, "plain"), "plain")
    for x in (8, 74):
        body(c, rr(x, 42, x + 18, 80, 8), Style(st.base, st.accent, "plain"), "plain")


def d_watch(c, st):
    body(c, rr(39, 4, 61, 96, 6), Style(st.base, st.accent, "plain"), "plain")
    if st.pat == "twotone":
        c.drawRect(skia.Rect.MakeLTRB(46, 4, 54, 96), fill(st.accent))
    for y in (82, 87, 92):
        c.drawCircle(50, y, 1.1, fill(st.dark))
    c.drawPath(rr(72, 46, 78, 54, 2), fill((150, 150, 156)))
    c.drawCircle(50, 50, 25, fill((104, 106, 112)))
    c.drawCircle(49.4, 49.4, 23.4, fill((196, 198, 204)))
    c.drawCircle(50, 50, 20.5, fill((250, 250, 248)))
    for k in range(12):
        a = k * math.pi / 6
        c.drawLine(
            50 + 17 * math.sin(a),
            50 - 17 * math.cos(a),
            50 + 19 * math.sin(a),
            50 - 19 * math.cos(a),
            stroke((60, 60, 66), 1.2),
        )
    c.drawLine(50, 50, 42, 43, stroke((30, 30, 34), 2.4))
    c.drawLine(50, 50, 61, 41, stroke((30, 30, 34), 1.7))
    c.drawCircle(50, 50, 1.8, fill((30, 30, 34)))


def d_backpack(c, st):
    c.drawPath(_arc(50, 16, 9, 10, 180, 180), stroke(st.dark, 3.5))
    for s in (-1, 1):
        c.drawPath(rr(50 + s * 33 - 5, 44, 50 + s * 33 + 5, 80, 5), fill(st.dark))
    p = skia.Path()
    p.moveTo(22, 82)
    p.lineTo(22, 40)
    p.cubicTo(22, 8, 78, 8, 78, 40)
    p.lineTo(78, 82)
    p.quadTo(78, 88, 72, 88)
    p.lineTo(28, 88)
    p.quadTo(22, 88, 22, 82)
    p.close()
    body(c, p, st)
    z = skia.Path()
    z.moveTo(28, 46)
    z.cubicTo(30, 22, 70, 22, 72, 46)
    c.drawPath(z, stroke(st.dark, 1.5))
    body(c, rr(30, 54, 70, 82, 6), Style(st.dark if sum(st.base) > 200 else st.light, st.accent, "plain"), "plain", 0.6)
    c.drawLine(34, 61, 66, 61, stroke((225, 225, 225), 1.4))


def d_headphones(c, st):
    h = skia.Path()
    h.moveTo(20, 60)
    h.cubicTo(14, 4, 86, 4, 80, 60)
    c.drawPath(h, stroke(st.dark, 7.5))
    c.drawPath(h, stroke(st.accent if st.pat == "twotone" else st.base, 5))
    for s in (-1, 1):
        x = 50 + s * 24
        c.drawPath(rr(x - 4, 52, x + 4, 82, 4), fill((52, 52, 58)))
        x = 50 + s * 33
        body(c, rr(x - 9, 49, x + 9, 85, 8), Style(st.base, st.accent, "plain"), "plain")


def d_sunglasses(c, st):
    top = st.accent if st.pat == "twotone" else st.base
    for s in (-1, 1):
        c.drawLine(50 + s * 43, 46, 50 + s * 36, 32, stroke(st.dark, 4))
        x = 50 + s * 22
        p = skia.Path()
        p.moveTo(x - s * 17, 42)
        p.lineTo(x + s * 20, 41)
        p.cubicTo(x + s * 22, 74, x - s * 14, 78, x - s * 17, 42)
        p.close()
        c.drawPath(p, skia.Paint(AntiAlias=True, Shader=lin((0, 40), (0, 72), [C((28, 30, 38)), C((104, 112, 124))])))
        c.drawPath(p, stroke(st.dark, 6))
        c.drawPath(p, stroke(st.base, 4.6))
        c.drawLine(x - 9, 49, x - 3, 46, stroke((255, 255, 255), 2, 130))
    c.drawLine(8, 41.5, 92, 41.5, stroke(top, 5))


def d_plant(c, st):
    g1, g2 = (46, 128, 62), (84, 168, 84)
    for a, length, col in ((-62, 34, g1), (62, 34, g1), (-36, 44, g2), (36, 44, g2), (-14, 48, g1), (14, 48, g2)):
        c.save()
        c.translate(50, 58)
        c.rotate(a)
        p = skia.Path()
        p.moveTo(0, 0)
        p.cubicTo(-11, -length * 0.4, -8, -length * 0.85, 0, -length)
        p.cubicTo(8, -length * 0.85, 11, -length * 0.4, 0, 0)
        c.drawPath(p, fill(col))
        c.drawLine(0, 0, 0, -length * 0.9, stroke((30, 90, 44), 0.9))
        c.restore()
    body(c, poly([(30, 60), (70, 60), (64, 88), (36, 88)]), st)
    body(c, rr(27, 54, 73, 62, 2), Style(st.base, st.accent, "plain"), "plain")


DRAW = dict(
    mug=d_mug,
    tshirt=d_tshirt,
    sneaker=d_sneaker,
    handbag=d_handbag,
    bottle=d_bottle,
    lamp=d_lamp,
    armchair=d_armchair,
    watch=d_watch,
    backpack=d_backpack,
    headphones=d_headphones,
    sunglasses=d_sunglasses,
    plant=d_plant,
)
GROUND = dict(sunglasses=74, watch=92, headphones=85)
SHADOW_W = dict(
    mug=26,
    tshirt=28,
    sneaker=44,
    handbag=38,
    bottle=18,
    lamp=20,
    armchair=40,
    watch=16,
    backpack=32,
    headphones=36,
    sunglasses=38,
    plant=18,
)


def background(c, bg, w, h):
    full = skia.Rect.MakeWH(w, h)
    hz = h * 0.60
    if bg == "white":
        c.drawRect(
            full,
            skia.Paint(
                Shader=lin((0, 0), (0, h), [C((255, 255, 255)), C((255, 255, 255)), C((240, 240, 240))], [0, 0.55, 1])
            ),
        )
    elif bg == "lightgrey":
        c.drawRect(full, skia.Paint(Shader=lin((0, 0), (0, h), [C((214, 215, 218)), C((190, 191, 195))])))
    elif bg == "pastel":
        c.drawRect(
            full,
            skia.Paint(
                Shader=lin((0, 0), (w, h), [C((255, 200, 214)), C((250, 236, 215)), C((186, 216, 250))], [0, 0.5, 1])
            ),
        )
    elif bg == "dark":
        c.drawRect(
            full,
            skia.Paint(
                Shader=skia.GradientShader.MakeRadial(
                    skia.Point(w / 2, h * 0.48),
                    max(w, h) * 0.62,
                    [C((112, 114, 124)), C((58, 60, 68)), C((26, 26, 32))],
                    [0, 0.5, 1],
                )
            ),
        )
    elif bg == "wood":
        c.drawRect(full, skia.Paint(Shader=lin((0, 0), (0, hz), [C((240, 233, 222)), C((226, 216, 202))])))
        c.drawRect(
            skia.Rect.MakeLTRB(0, hz, w, h),
            skia.Paint(Shader=lin((0, hz), (0, h), [C((168, 112, 66)), C((196, 138, 86))])),
        )
        y = hz
        k = 0
        while y < h:
            c.drawLine(0, y, w, y, stroke((112, 70, 38), 1.1))
            step = 7 + 5 * k
            c.drawLine(0, y + step * 0.45, w, y + step * 0.5, stroke((146, 94, 54), 0.7, 150))
            y += step
            k += 1
    elif bg == "marble":
        c.drawRect(full, skia.Paint(Shader=lin((0, 0), (0, hz), [C((196, 210, 208)), C((178, 194, 192))])))
        c.drawRect(skia.Rect.MakeLTRB(0, hz, w, h), fill((240, 240, 242)))
        c.save()
        c.clipRect(skia.Rect.MakeLTRB(0, hz, w, h))
        for x, dx, wd, a in (
            (0.02, 0.30, 1.6, 170),
            (0.30, 0.28, 1.0, 130),
            (0.62, -0.22, 1.4, 160),
            (0.86, 0.2, 1.0, 140),
            (0.98, -0.2, 1.4, 150),
        ):
            p = skia.Path()
            p.moveTo(x * w, hz)
            p.cubicTo((x + dx * 0.1) * w, hz + (h - hz) * 0.4, (x + dx * 0.9) * w, hz + (h - hz) * 0.5, (x + dx) * w, h)
            c.drawPath(p, stroke((150, 154, 162), wd * 1.2, a))
        c.restore()
        c.drawLine(0, hz, w, hz, stroke((150, 158, 158), 1))


def accent_for(col):
    return {"white": (70, 92, 140), "yellow": (70, 70, 78), "pink": (252, 250, 246)}.get(col, (246, 240, 226))


def render(product, colour, pattern, background_name, width, height, rng, wide=False):
    """Draws one picture: uint8 [height, width, 3].

    Position and scale are fixed and on whole pixels (`wide` False): a model of this size spends most of its capacity on
    sub-pixel phase otherwise, and phase is not what anybody looks at. What varies is light, which is both visible and
    cheap to model: the shade of product and background, and the strength, length and side of the shadow.
    `wide` True is the first model's distribution (any phase, a little rotation); the classifier learns both.
    """
    pixels = np.empty((height, width, 4), np.uint8)
    info = skia.ImageInfo.Make(width, height, skia.kRGBA_8888_ColorType, skia.kPremul_AlphaType)
    canvas = skia.Surface.MakeRasterDirect(info, pixels).getCanvas()
    background(canvas, background_name, width, height)
    short = min(width, height)
    if wide:
        scale = short * rng.uniform(0.84, 0.89)
        left = (width - scale) / 2 + rng.uniform(-0.012, 0.012) * width
        top = (height - scale) / 2 + rng.uniform(-0.01, 0.014) * height
        shades = [rng.uniform(-8, 8)] * 3
        turn, shadow_strength, shadow_length, tint = rng.uniform(-1, 1), 1.0, 1.0, None
    else:
        scale = 2 * round(short * 0.43)
        left, top = (width - scale) // 2, (height - scale) // 2
        light = rng.uniform(-10, 10)
        shades = [light + rng.uniform(-4, 4) for _ in range(3)]
        turn, shadow_strength, shadow_length = 0.0, rng.uniform(0.5, 1.2), rng.uniform(0.9, 1.3)
        tint = [0.0] * 3 if background_name == "white" else [rng.uniform(-6, 6) for _ in range(3)]
    base = tuple(v + d for v, d in zip(COLOURS[colour], shades))
    style = Style(base, accent_for(colour), pattern)
    if tint is not None:
        flat = pixels[..., :3].astype(np.int16) + np.round(tint).astype(np.int16)
        pixels[..., :3] = np.clip(flat, 0, 255)
    canvas.translate(left, top)
    canvas.scale(scale / 100, scale / 100)
    ground, shadow = GROUND.get(product, 87), SHADOW_W[product]
    centre = 46 if product == "mug" else 50
    oval = skia.Rect.MakeLTRB(centre - shadow * 1.12, ground - 4, centre + shadow * 1.25 * shadow_length, ground + 6)
    alpha = int((120 if background_name != "dark" else 170) * shadow_strength)
    blur = skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 2.6)
    canvas.drawOval(oval, skia.Paint(AntiAlias=True, Color=C((0, 0, 0), alpha), MaskFilter=blur))
    if turn:
        canvas.translate(50, ground)
        canvas.rotate(turn)
        canvas.translate(-50, -ground)
    DRAW[product](canvas, style)
    return pixels[..., :3]


SIZES = [(128, 128), (96, 160), (160, 96)]  # height, width


def batch(count, size, rng, wide=False):
    """`count` random pictures of `size` with their captions and attributes."""
    height, width = size
    pictures = np.empty((count, height, width, 3), np.uint8)
    captions, attributes = [], []
    for i in range(count):
        a = sample_attributes(rng)
        pictures[i] = render(*a, width, height, rng, wide)
        captions.append(caption(*a, rng))
        attributes.append(a)
    return pictures, captions, attributes
