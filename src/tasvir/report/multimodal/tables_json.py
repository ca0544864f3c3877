"""The multimodal study's numbers as JSON, in no language: comparisons and claims with all of their tests."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from tasvir.report.multimodal.document import Study
from tasvir.report.multimodal.printed import printed_tables


def as_json(study: Study) -> str:
    """Everything that the page says in numbers; what is missing or not finite is null."""
    tables = [
        {
            "experiment": table.results.experiment,
            "expert": table.results.expert,
            "data": table.results.data,
            "thesis_table": printed.number if (printed := printed_tables().get(table.key)) else None,
            "protocol": table.results.protocol,
            "seconds": table.results.seconds,
            "commit": table.results.commit,
            "comparisons": [
                {"weighting": weighting, "figure": figure, **asdict(cell), "significant": cell.significant}
                for group in groups
                for (weighting, figure), cell in group.cells.items()
            ],
        }
        for table, groups in zip(study.tables, study.groups, strict=True)
    ]
    claims = [
        {
            "claim": one.claim.id,
            "section": one.claim.section,
            "experts": one.claim.experts,
            "data": one.data,
            "estimator": one.estimator,
            "needed": one.claim.needed(len(one.weighed)) if one.weighed else None,
            "verdict": one.verdict,
            "printed": None if one.printed is None else {"favour": one.printed[0], "count": one.printed[1]},
            "printed_supports": one.printed_supports,
            "contrasts": [{**asdict(each), "side": each.side} for each in one.weighed],
        }
        for one in study.judged
    ]
    return json.dumps(_finite({"tables": tables, "claims": claims}), ensure_ascii=False, indent=1) + "\n"


def _finite(told: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(told, float):
        return told if math.isfinite(told) else None
    if isinstance(told, dict):
        return {key: _finite(value) for key, value in told.items()}
    return [_finite(one) for one in told] if isinstance(told, list | tuple) else told
