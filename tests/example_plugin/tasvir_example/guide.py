"""The smallest honest guide: everything in the middle, and happy with every picture that is not blank."""

from __future__ import annotations

import io
import json

from PIL import Image

from tasvir.guide.base import Guide, Request


class MiddleGuide(Guide):
    """Puts the whole prompt into one box in the middle."""

    name = "middle"

    def reply(self, request: Request, *, seed: int) -> str:
        if request.skill == "judge":
            assert request.picture is not None
            with Image.open(io.BytesIO(request.picture.png)) as image:
                darkest, lightest = image.convert("L").getextrema()
            blank = darkest == lightest
            return json.dumps({"reasoning": "blank" if blank else "not blank", "score": 1 if blank else 5})
        if request.skill == "redesign":
            return json.dumps({"reasoning": "content", "objects": []})
        return json.dumps({"objects": [{"phrase": request.prompt.text, "box": [0.25, 0.25, 0.75, 0.75]}]})
