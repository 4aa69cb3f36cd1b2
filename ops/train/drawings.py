"""Procedural product pictures, drawn with Skia: the only data the demo model ever sees."""

import numpy as np
import skia

from brushes import argb, fill, linear, stroke
from captions import caption, sample_attributes
from products import DRAW, GROUND, SHADOW, Style
from words import COLOURS


def draw_background(c, bg, w, h):
    """Fills a canvas of w x h pixels with one of words.BACKGROUNDS; tables end at 60 % of the height."""
    full = skia.Rect.MakeWH(w, h)
    hz = h * 0.60
    if bg == "white":
        c.drawRect(
            full,
            skia.Paint(
                Shader=linear(
                    (0, 0), (0, h), [argb((255, 255, 255)), argb((255, 255, 255)), argb((240, 240, 240))], [0, 0.55, 1]
                )
            ),
        )
    elif bg == "lightgrey":
        c.drawRect(full, skia.Paint(Shader=linear((0, 0), (0, h), [argb((214, 215, 218)), argb((190, 191, 195))])))
    elif bg == "pastel":
        c.drawRect(
            full,
            skia.Paint(
                Shader=linear(
                    (0, 0), (w, h), [argb((255, 200, 214)), argb((250, 236, 215)), argb((186, 216, 250))], [0, 0.5, 1]
                )
            ),
        )
    elif bg == "dark":
        c.drawRect(
            full,
            skia.Paint(
                Shader=skia.GradientShader.MakeRadial(
                    skia.Point(w / 2, h * 0.48),
                    max(w, h) * 0.62,
                    [argb((112, 114, 124)), argb((58, 60, 68)), argb((26, 26, 32))],
                    [0, 0.5, 1],
                )
            ),
        )
    elif bg == "wood":
        c.drawRect(full, skia.Paint(Shader=linear((0, 0), (0, hz), [argb((240, 233, 222)), argb((226, 216, 202))])))
        c.drawRect(
            skia.Rect.MakeLTRB(0, hz, w, h),
            skia.Paint(Shader=linear((0, hz), (0, h), [argb((168, 112, 66)), argb((196, 138, 86))])),
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
        c.drawRect(full, skia.Paint(Shader=linear((0, 0), (0, hz), [argb((196, 210, 208)), argb((178, 194, 192))])))
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


def accent_for(colour):
    """The colour of stripes, dots and second tones on a product of `colour`."""
    return {"white": (70, 92, 140), "yellow": (70, 70, 78), "pink": (252, 250, 246)}.get(colour, (246, 240, 226))


def render(product, colour, pattern, background, width, height, rng, wide=False):
    """Draws one picture: uint8 [height, width, 3].

    Position and scale are fixed and on whole pixels (`wide` False): a model of this size spends most of its capacity on
    sub-pixel phase otherwise, and phase is not what anybody looks at. What varies is light, which is both visible and
    cheap to model: the shade of product and background, and the strength, length and side of the shadow.
    `wide` True is the first model's distribution (any phase, a little rotation); the classifier learns both.
    """
    pixels = np.empty((height, width, 4), np.uint8)
    info = skia.ImageInfo.Make(width, height, skia.kRGBA_8888_ColorType, skia.kPremul_AlphaType)
    canvas = skia.Surface.MakeRasterDirect(info, pixels).getCanvas()
    draw_background(canvas, background, width, height)
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
        tint = [0.0] * 3 if background == "white" else [rng.uniform(-6, 6) for _ in range(3)]
    base = tuple(v + d for v, d in zip(COLOURS[colour], shades))
    style = Style(base, accent_for(colour), pattern)
    if tint is not None:
        flat = pixels[..., :3].astype(np.int16) + np.round(tint).astype(np.int16)
        pixels[..., :3] = np.clip(flat, 0, 255)
    canvas.translate(left, top)
    canvas.scale(scale / 100, scale / 100)
    ground, shadow = GROUND.get(product, 87), SHADOW[product]
    centre = 46 if product == "mug" else 50
    oval = skia.Rect.MakeLTRB(centre - shadow * 1.12, ground - 4, centre + shadow * 1.25 * shadow_length, ground + 6)
    alpha = int((120 if background != "dark" else 170) * shadow_strength)
    blur = skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 2.6)
    canvas.drawOval(oval, skia.Paint(AntiAlias=True, Color=argb((0, 0, 0), alpha), MaskFilter=blur))
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
