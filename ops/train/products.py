"""The twelve products, each in a square of 100 units; `c` is the canvas, `st` the style."""

import math

import skia

from brushes import arc, argb, fill, linear, mix, polygon, rounded, stroke


class Style:
    """What a product looks like apart from its shape: its colour in three shades, the colour of its pattern, the pattern."""

    def __init__(self, base, accent, pattern):
        self.base, self.accent, self.pattern = base, accent, pattern
        self.dark = mix(base, (0, 0, 0), 0.35)
        self.light = mix(base, (255, 255, 255), 0.35)


def body(c, path, st, pattern=None, shade=1.0):
    """A shape filled with the style's colour and pattern, lit from the left, with a thin dark outline."""
    pattern = st.pattern if pattern is None else pattern
    c.drawPath(path, fill(st.base))
    b = path.getBounds()
    x0, y0, x1, y1 = b.left(), b.top(), b.right(), b.bottom()
    c.save()
    c.clipPath(path, skia.ClipOp.kIntersect, True)
    if pattern == "striped":
        n = max(2, round((y1 - y0) / 13))
        h = (y1 - y0) / n
        for i in range(n):
            c.drawRect(skia.Rect.MakeLTRB(x0, y0 + h * (i + 0.5), x1, y0 + h * (i + 1)), fill(st.accent))
    elif pattern == "dotted":
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
    elif pattern == "twotone":
        c.drawRect(skia.Rect.MakeLTRB(x0, y0 + (y1 - y0) * 0.55, x1, y1), fill(st.accent))
    p = skia.Paint(
        AntiAlias=True,
        Shader=linear(
            (x0, 0),
            (x1, 0),
            [
                argb((0, 0, 0), 55 * shade),
                argb((255, 255, 255), 60 * shade),
                argb((255, 255, 255), 0),
                argb((0, 0, 0), 85 * shade),
            ],
            [0, 0.28, 0.55, 1],
        ),
    )
    c.drawRect(skia.Rect.MakeLTRB(x0, y0, x1, y1), p)
    c.restore()
    c.drawPath(path, stroke(st.dark, 0.8, 150))


def draw_mug(c, st):
    c.drawPath(arc(68, 55, 14, 16, -80, 160), stroke(st.dark, 8))
    c.drawPath(arc(68, 55, 14, 16, -80, 160), stroke(st.base, 6))
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


def draw_tshirt(c, st):
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


def draw_sneaker(c, st):
    p = skia.Path()
    p.moveTo(90, 76)
    p.lineTo(91, 40)
    p.quadTo(84, 34, 78, 40)
    p.quadTo(70, 48, 58, 44)
    p.quadTo(46, 56, 26, 60)
    p.quadTo(9, 64, 9, 76)
    p.close()
    body(c, p, Style(st.base, st.accent, "plain"))
    if st.pattern == "twotone":
        c.save()
        c.clipPath(p, skia.ClipOp.kIntersect, True)
        c.drawOval(skia.Rect.MakeLTRB(-2, 58, 30, 92), fill(st.accent))
        c.drawRect(skia.Rect.MakeLTRB(78, 52, 95, 80), fill(st.accent))
        c.restore()
    for i in range(4):
        x = 56 - i * 6
        y = 48 + i * 3.2
        c.drawLine(x, y, x + 6, y + 9, stroke((250, 250, 250), 2.2))
    c.drawPath(rounded(6, 74, 94, 86, 5), fill((240, 240, 238)))
    c.drawPath(rounded(6, 82, 94, 87, 2.5), fill((150, 150, 152)))
    c.drawPath(rounded(6, 74, 94, 87, 5), stroke((120, 120, 120), 0.7))


def draw_handbag(c, st):
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
    c.drawPath(rounded(45, 46, 55, 56, 2), fill((225, 180, 70)))
    c.drawPath(rounded(45, 46, 55, 56, 2), stroke((130, 95, 30), 0.8))


def draw_bottle(c, st):
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
    c.drawPath(rounded(41, 8, 59, 21, 2.5), fill((64, 64, 70)))
    c.drawPath(rounded(43.5, 9, 47, 20, 1.5), fill((130, 130, 138)))
    c.drawPath(rounded(38, 48, 41, 80, 1.5), fill((255, 255, 255), 110))


def draw_lamp(c, st):
    c.drawLine(50, 44, 50, 82, stroke((120, 95, 50), 4))
    c.drawLine(49.3, 44, 49.3, 82, stroke((225, 190, 110), 1.6))
    c.drawPath(rounded(33, 80, 67, 88, 4), fill((150, 120, 66)))
    c.drawPath(rounded(35, 80.5, 60, 83.5, 2), fill((225, 190, 110)))
    g = skia.Paint(
        AntiAlias=True, Color=argb((255, 226, 140), 150), MaskFilter=skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 4)
    )
    c.drawOval(skia.Rect.MakeLTRB(30, 44, 70, 58), g)
    body(c, polygon([(37, 10), (63, 10), (82, 47), (18, 47)]), st)


def draw_armchair(c, st):
    for x in (22, 78):
        c.drawLine(x, 76, x, 87, stroke((96, 62, 36), 4.5))
    body(c, rounded(20, 18, 80, 70, 13), st)
    body(c, rounded(18, 60, 82, 80, 4), Style(st.dark, st.dark, "plain"), "plain")
    body(c, rounded(26, 54, 74, 68, 6), Style(st.light, st.light, "plain"), "plain")
    for x in (8, 74):
        body(c, rounded(x, 42, x + 18, 80, 8), Style(st.base, st.accent, "plain"), "plain")


def draw_watch(c, st):
    body(c, rounded(39, 4, 61, 96, 6), Style(st.base, st.accent, "plain"), "plain")
    if st.pattern == "twotone":
        c.drawRect(skia.Rect.MakeLTRB(46, 4, 54, 96), fill(st.accent))
    for y in (82, 87, 92):
        c.drawCircle(50, y, 1.1, fill(st.dark))
    c.drawPath(rounded(72, 46, 78, 54, 2), fill((150, 150, 156)))
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


def draw_backpack(c, st):
    c.drawPath(arc(50, 16, 9, 10, 180, 180), stroke(st.dark, 3.5))
    for s in (-1, 1):
        c.drawPath(rounded(50 + s * 33 - 5, 44, 50 + s * 33 + 5, 80, 5), fill(st.dark))
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
    body(
        c,
        rounded(30, 54, 70, 82, 6),
        Style(st.dark if sum(st.base) > 200 else st.light, st.accent, "plain"),
        "plain",
        0.6,
    )
    c.drawLine(34, 61, 66, 61, stroke((225, 225, 225), 1.4))


def draw_headphones(c, st):
    h = skia.Path()
    h.moveTo(20, 60)
    h.cubicTo(14, 4, 86, 4, 80, 60)
    c.drawPath(h, stroke(st.dark, 7.5))
    c.drawPath(h, stroke(st.accent if st.pattern == "twotone" else st.base, 5))
    for s in (-1, 1):
        x = 50 + s * 24
        c.drawPath(rounded(x - 4, 52, x + 4, 82, 4), fill((52, 52, 58)))
        x = 50 + s * 33
        body(c, rounded(x - 9, 49, x + 9, 85, 8), Style(st.base, st.accent, "plain"), "plain")


def draw_sunglasses(c, st):
    top = st.accent if st.pattern == "twotone" else st.base
    for s in (-1, 1):
        c.drawLine(50 + s * 43, 46, 50 + s * 36, 32, stroke(st.dark, 4))
        x = 50 + s * 22
        p = skia.Path()
        p.moveTo(x - s * 17, 42)
        p.lineTo(x + s * 20, 41)
        p.cubicTo(x + s * 22, 74, x - s * 14, 78, x - s * 17, 42)
        p.close()
        c.drawPath(
            p, skia.Paint(AntiAlias=True, Shader=linear((0, 40), (0, 72), [argb((28, 30, 38)), argb((104, 112, 124))]))
        )
        c.drawPath(p, stroke(st.dark, 6))
        c.drawPath(p, stroke(st.base, 4.6))
        c.drawLine(x - 9, 49, x - 3, 46, stroke((255, 255, 255), 2, 130))
    c.drawLine(8, 41.5, 92, 41.5, stroke(top, 5))


def draw_plant(c, st):
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
    body(c, polygon([(30, 60), (70, 60), (64, 88), (36, 88)]), st)
    body(c, rounded(27, 54, 73, 62, 2), Style(st.base, st.accent, "plain"), "plain")


DRAW = dict(
    mug=draw_mug,
    tshirt=draw_tshirt,
    sneaker=draw_sneaker,
    handbag=draw_handbag,
    bottle=draw_bottle,
    lamp=draw_lamp,
    armchair=draw_armchair,
    watch=draw_watch,
    backpack=draw_backpack,
    headphones=draw_headphones,
    sunglasses=draw_sunglasses,
    plant=draw_plant,
)
GROUND = dict(sunglasses=74, watch=92, headphones=85)
SHADOW = dict(
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
