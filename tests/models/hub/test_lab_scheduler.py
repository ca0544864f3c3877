"""The laboratory's samplers as schedulers: as diffusers' own where those are right, else a clear error."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EDMEulerScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
)
from torch import Tensor

from tasvir import registry
from tasvir.errors import SettingError, UnknownNameError
from tasvir.models.embedded.layout_pipeline import SCHEDULE, EmbeddedLayoutPipeline
from tasvir.models.hub.drawing import check_steps, scheduler_of, use_sampler
from tasvir.models.hub.lab_scheduler import LabScheduler
from tasvir.models.hub.loading import open_pipeline
from tasvir.models.load import LoadSettings

STABLE = {
    "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
    "prediction_type": "epsilon", "timestep_spacing": "leading", "steps_offset": 1,
}  # fmt: skip
FIXED = [
    name
    for name in registry.names("lab.samplers")
    if registry.load("lab.samplers", name).evaluations is not None
]
X = torch.randn(2, 4, 4, 4, generator=torch.Generator().manual_seed(0))


def network(x: Tensor, timestep: float) -> Tensor:
    """Smooth, and not the same everywhere."""
    return torch.tanh(0.7 * x + timestep / 1000 - 0.2).roll(1, -1)


def drawn(scheduler: Any, steps: int, seed: int = 0, x: Tensor = X, **asked: Any) -> Tensor:
    """What a pipeline's loop comes to."""
    scheduler.set_timesteps(steps, **asked)
    x = x * getattr(scheduler, "init_noise_sigma", 1.0)
    extra: dict[str, Any] = {}
    if "generator" in inspect.signature(scheduler.step).parameters:
        extra["generator"] = torch.Generator().manual_seed(seed)
    for timestep in scheduler.timesteps:
        given = scheduler.scale_model_input(x, timestep) if hasattr(scheduler, "scale_model_input") else x
        x = scheduler.step(network(given, float(timestep)), timestep, x, **extra, return_dict=False)[0]
    return x


def lab(model: str, config: Any = STABLE, **changes: Any) -> LabScheduler:
    made: LabScheduler = LabScheduler.from_config(config, model=model, **changes)
    return made


class TestAsTheirs:
    @pytest.mark.parametrize("spacing", ["leading", "trailing"])
    @pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
    def test_ddim(self, spacing: str, prediction: str) -> None:
        config = {**STABLE, "timestep_spacing": spacing, "prediction_type": prediction}
        theirs = drawn(DDIMScheduler.from_config(config, clip_sample=False, set_alpha_to_one=True), 10)
        assert torch.allclose(drawn(lab("ddim", config), 10), theirs, rtol=1e-5, atol=1e-5)

    def test_where_their_ddim_steps_elsewhere_than_it_asks_ours_does_not(self) -> None:
        """Trailing timesteps for n that do not divide 1000 are rounded, their DDIM's steps are 1000 // n."""
        config = {**SCHEDULE, "timestep_spacing": "trailing"}
        ours, theirs = lab("ddim", config), DDIMScheduler.from_config(config, clip_sample=False)
        found, other = drawn(ours, 16), drawn(theirs, 16)
        times = [int(timestep) for timestep in theirs.timesteps]
        assert times[:3] == [999, 937, 874] and times[1] - 1000 // 16 == 875
        assert (found - other).abs().max() > 1e-3
        euler = drawn(EulerDiscreteScheduler.from_config(config), 16)  # the same method, its own levels right
        assert (found - euler).abs().max() < 0.5 * (other - euler).abs().max()

    def test_euler_in_noise_is_ddim(self) -> None:
        theirs = drawn(EulerDiscreteScheduler.from_config(STABLE), 10)
        assert torch.allclose(drawn(lab("ddim"), 10), theirs, rtol=1e-5, atol=1e-5)

    def test_karras_grids(self) -> None:
        config = {**STABLE, "use_karras_sigmas": True}
        theirs = EulerDiscreteScheduler.from_config(config)
        theirs.set_timesteps(10)
        start = X * float(theirs.sigmas[0]) / float(theirs.init_noise_sigma)
        theirs = drawn(theirs, 10, x=start)  # begun like ours at sigma times noise
        ours = lab("ddim", config)
        ours.set_timesteps(10)
        assert torch.allclose(drawn(ours, 10, x=X * ours._path.levels[0].sigma), theirs, rtol=1e-3, atol=1e-3)

    @pytest.mark.parametrize("name", ["euler", "ddim"])
    def test_flow_matching(self, name: str) -> None:
        for config, asked in (
            ({"shift": 3.0}, {}),
            ({"shift": 1.0}, {"sigmas": np.linspace(1.0, 0.1, 10)}),
            ({"use_dynamic_shifting": True}, {"mu": 0.8}),
            ({"shift": 2.0, "use_karras_sigmas": True}, {}),
        ):
            theirs = FlowMatchEulerDiscreteScheduler(**config)
            ours = lab(name, {**theirs.config, "_class_name": type(theirs).__name__})
            steps = None if "sigmas" in asked else 10
            truth = drawn(FlowMatchEulerDiscreteScheduler(**config), steps, **asked)  # type: ignore[arg-type]
            found = drawn(ours, steps, **asked)  # type: ignore[arg-type]
            assert torch.allclose(found, truth, rtol=1e-5, atol=1e-5), (name, config)

    def test_flow_sigmas_of_other_schedulers(self) -> None:
        config = {"use_flow_sigmas": True, "flow_shift": 3.0, "prediction_type": "flow_prediction"}
        theirs = DPMSolverMultistepScheduler(**config, solver_order=1)
        ours = scheduler_of("lab:dpmpp-1", theirs)
        assert ours.process.kind == "flow-sigmas"
        theirs.set_timesteps(10)
        ours.set_timesteps(10)
        assert [float(t) for t in ours.timesteps] == pytest.approx(
            [1000 * float(s) for s in theirs.sigmas[:-1]]
        )


class TestEveryOne:
    @pytest.mark.parametrize("name", FIXED)
    def test_draws_on_betas_and_on_flows_or_says_why_not(self, name: str) -> None:
        for own in (DDIMScheduler(**STABLE), DDIMScheduler(**SCHEDULE), FlowMatchEulerDiscreteScheduler()):
            scheduler = scheduler_of(f"lab:{name}", own)
            try:
                ends = [drawn(scheduler, steps) for steps in (1, 2, 12)]
            except SettingError:
                assert scheduler.sampler.stochastic, "only noise may ask for more than a pipeline has"
                continue
            assert all(torch.isfinite(end).all() for end in ends)
            assert torch.equal(drawn(scheduler, 12), ends[-1])

    def test_a_second_order_one_comes_nearer_at_the_same_cost(self) -> None:
        config = {**STABLE, "timestep_spacing": "trailing", "prediction_type": "v_prediction"}
        truth = drawn(lab("dpmpp-2m", config), 1000)
        errors = [float((drawn(lab(name, config), 20) - truth).abs().max()) for name in ("ddim", "dpmpp-2m")]
        assert errors[1] < 0.5 * errors[0]

    def test_noise_is_that_of_the_seed_and_of_the_picture_alone(self) -> None:
        scheduler = lab("ancestral")

        def both(seeds: list[int]) -> Tensor:
            scheduler.set_timesteps(4)
            x, dice = X[: len(seeds)], [torch.Generator().manual_seed(seed) for seed in seeds]
            for timestep in scheduler.timesteps:
                x = scheduler.step(network(x, float(timestep)), timestep, x, generator=dice).prev_sample
            return x

        pair = both([5, 6])
        assert torch.equal(both([5, 6]), pair) and not torch.equal(both([5, 7])[1], pair[1])
        assert torch.allclose(both([5])[0], pair[0], atol=1e-6)

    def test_half_precision_is_walked_in_single(self) -> None:
        whole, half = lab("dpmpp-2m"), lab("dpmpp-2m")
        found = drawn(half, 10, x=X.to(torch.bfloat16))
        assert found.dtype == torch.bfloat16
        assert torch.allclose(found.float(), drawn(whole, 10), atol=0.2, rtol=0.1)


class TestPipelines:
    def test_the_embedded_one(self, tiny_pipeline: EmbeddedLayoutPipeline) -> None:
        own = tiny_pipeline.scheduler
        pictures = []
        try:
            for name in ("ddim", "lab:ddim", "lab:dpmpp-2m"):
                tiny_pipeline.scheduler = scheduler_of(name, own)
                dice = torch.Generator().manual_seed(1)
                made = tiny_pipeline("a red ball", num_inference_steps=10, generator=dice, output_type="np")
                pictures.append(np.asarray(made.images) * 255)
        finally:
            tiny_pipeline.scheduler = own
        assert np.abs(pictures[0] - pictures[1]).max() < 1
        assert np.abs(pictures[2] - pictures[1]).max() > 0

    @pytest.mark.parametrize(
        ("family", "theirs", "ours"),
        [("sd2", "ddim", "lab:ddim"), ("sd3", None, "lab:euler"), ("flux", None, "lab:euler")],
    )
    def test_of_the_hub(
        self, tiny: Callable[[str], Path], family: str, theirs: str | None, ours: str
    ) -> None:
        pipeline = open_pipeline(str(tiny(family)), LoadSettings(device="cpu"))
        if family == "sd2":
            pipeline.scheduler.register_to_config(set_alpha_to_one=True)
        pictures = []
        for name in (theirs, ours):
            use_sampler(pipeline, name)
            check_steps(pipeline, 5)
            dice = torch.Generator().manual_seed(1)
            made = pipeline(
                "a ball", num_inference_steps=5, generator=dice, output_type="np", height=64, width=64
            )
            pictures.append(np.asarray(made.images) * 255)
        assert isinstance(pipeline.scheduler, LabScheduler)
        assert np.abs(pictures[0] - pictures[1]).max() < 1

    def test_pictures_that_are_begun_in_the_middle(self) -> None:
        theirs, ours = (
            DDIMScheduler.from_config(STABLE, clip_sample=False, set_alpha_to_one=True),
            lab("ddim"),
        )
        ends = []
        for scheduler in (theirs, ours):
            scheduler.set_timesteps(10)
            if scheduler is ours:
                scheduler.set_begin_index(6)
            rest = scheduler.timesteps[6:]
            x = scheduler.add_noise(X, X.flip(0), rest[:1].repeat(2).long())
            for timestep in rest:
                x = scheduler.step(network(x, float(timestep)), timestep, x, return_dict=False)[0]
            ends.append(x)
        assert torch.allclose(*ends, rtol=1e-5, atol=1e-5)
        heun = lab("heun")
        heun.set_timesteps(10)
        heun.set_begin_index(6 * heun.order)
        x = heun.add_noise(X, X.flip(0), heun.timesteps[12])
        for timestep in heun.timesteps[12:]:
            x = heun.step(network(x, float(timestep)), timestep, x, return_dict=False)[0]
        assert (x - ends[1]).abs().max() < 0.1


class TestWrongUse:
    def test_names_and_processes(self) -> None:
        with pytest.raises(SettingError, match="lab:dopri5 chooses its steps"):
            lab("dopri5")
        with pytest.raises(UnknownNameError, match="did you mean"):
            lab("huen")
        with pytest.raises(UnknownNameError, match="write lab:"):
            scheduler_of("lab", DDIMScheduler(**STABLE))
        with pytest.raises(UnknownNameError, match="takes nothing after a colon"):
            scheduler_of("ddim:heun", DDIMScheduler(**STABLE))
        with pytest.raises(SettingError, match="neither of betas nor of flow"):
            scheduler_of("lab:ddim", EDMEulerScheduler())
        with pytest.raises(SettingError, match="thresholding"):
            lab("ddim", thresholding=True)
        with pytest.raises(SettingError, match="predicts 'noise'"):
            lab("ddim", prediction_type="noise")

    def test_steps(self) -> None:
        with pytest.raises(SettingError, match="do not fit into 1000 timesteps"):
            lab("ddim").set_timesteps(1001)
        every = lab("ddim", steps_offset=0)
        every.set_timesteps(1000)
        assert len(every.timesteps) == 1000

    def test_what_the_walk_did_not_ask(self) -> None:
        scheduler = lab("ddim")
        scheduler.set_timesteps(10)
        first, second = scheduler.timesteps[:2]
        with pytest.raises(SettingError, match="was given where 901 comes"):
            scheduler.step(X, second, X)
        scheduler.set_timesteps(10)
        with pytest.raises(SettingError, match="a learned variance"):
            scheduler.step(torch.cat([X, X], 1), first, X)
        scheduler.set_timesteps(10)
        x = scheduler.step(X, first, X).prev_sample
        with pytest.raises(SettingError, match="changed between two steps"):
            scheduler.step(X, second, x * 1.01)
        drawn(scheduler, 2)
        with pytest.raises(SettingError, match="at its end"):
            scheduler.step(X, first, X)

    def test_levels_that_hang_on_the_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(SettingError, match="chooses its steps"):
            lab("time-shift")
        monkeypatch.setattr("tasvir.lab.diffusion.samplers.time_shift.TimeShiftSampler.evaluations", 1)
        with pytest.raises(SettingError, match="chooses its levels by what it sees"):
            drawn(lab("time-shift"), 20, x=3 * X)

    def test_noise_without_a_seed(self) -> None:
        scheduler = lab("ancestral")
        scheduler.set_timesteps(4)
        with pytest.raises(SettingError, match="no seed would give the same picture"):
            scheduler.step(X, scheduler.timesteps[0], X)

    def test_a_begin_that_the_sampler_cannot(self) -> None:
        scheduler = lab("pndm")
        scheduler.set_timesteps(10)
        scheduler.set_begin_index(2)
        with pytest.raises(SettingError, match="cannot begin at its question 3"):
            scheduler.step(X, scheduler.timesteps[2], X)


def test_clipping_is_of_the_guessed_data() -> None:
    theirs = DDIMScheduler.from_config(STABLE, clip_sample=True, clip_sample_range=0.5, set_alpha_to_one=True)
    ours = lab("ddim", clip_sample=True, clip_sample_range=0.5)
    # theirs keeps the told noise beside clipped data; ours tells the noise that belongs to them
    end = drawn(ours, 10)
    assert end.abs().max() <= 0.5 + 1e-5 and drawn(theirs, 10).abs().max() <= 0.5 + 1e-5


def test_it_is_saved_and_opened(tmp_path: Path) -> None:
    lab("heun").save_pretrained(tmp_path)
    opened = LabScheduler.from_pretrained(tmp_path)
    assert opened.sampler.name == "heun" and opened.config["beta_end"] == 0.012
    assert torch.equal(drawn(opened, 4), drawn(lab("heun"), 4))
