"""Paints and paths: the few things that every drawing is made of."""

import skia


def argb(rgb, a=255):
    """Skia's colour of three numbers of any type and an opacity, all cut to 0...255."""
    return skia.Color(*[max(0, min(255, int(v))) for v in rgb], int(a))


def mix(a, b, t):
    """`a` where t is 0, `b` where it is 1."""
    return tuple(x + (y - x) * t for x, y in zip(a, b))


def fill(rgb, a=255):
    return skia.Paint(Color=argb(rgb, a), AntiAlias=True)


def stroke(rgb, w, a=255):
    return skia.Paint(
        Color=argb(rgb, a),
        AntiAlias=True,
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=w,
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeJoin=skia.Paint.kRound_Join,
    )


def rounded(x0, y0, x1, y1, r):
    p = skia.Path()
    p.addRoundRect(skia.Rect.MakeLTRB(x0, y0, x1, y1), r, r)
    return p


def polygon(pts):
    p = skia.Path()
    p.moveTo(*pts[0])
    for q in pts[1:]:
        p.lineTo(*q)
    p.close()
    return p


def arc(cx, cy, rx, ry, a0, sweep):
    p = skia.Path()
    p.addArc(skia.Rect.MakeLTRB(cx - rx, cy - ry, cx + rx, cy + ry), a0, sweep)
    return p


def linear(start, end, colours, stops=None):
    """A shader that runs from point to point through `colours`."""
    points = [skia.Point(*start), skia.Point(*end)]
    return skia.GradientShader.MakeLinear(points, colours, *([stops] if stops else []))
