"""MultiVae's side of `multimodal_peer.py`: run by the peer's own Python, knows nothing of tasvir.

Reads one JSON object a line from stdin, answers each with one line on stdout; tensors go through .npz files.
multivae imports torchvision for pictures of reconstructions and for downloads, which nothing here needs:
where it is not installed, names without content stand in for it, and "about" says so.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.metadata
import importlib.util
import json
import os
import sys
import time
import types
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn


class StandIn(types.ModuleType):
    """A module every name of which is an empty class."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def stand_in_for_torchvision() -> bool:
    """Whether it was needed."""
    if importlib.util.find_spec("torchvision") is not None:
        return False
    for part in ("", ".datasets", ".datasets.utils", ".models", ".transforms", ".utils"):
        name = f"torchvision{part}"
        sys.modules[name] = StandIn(name)
        sys.modules[name].__spec__ = importlib.machinery.ModuleSpec(name, None)
    return True


STOOD_IN = stand_in_for_torchvision()
with contextlib.redirect_stdout(sys.stderr):
    from multivae.data import MultimodalBaseDataset
    from multivae.models import MMVAE, MVAE, MMVAEConfig, MoPoE, MoPoEConfig, MVAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn.base_architectures import BaseDecoder, BaseEncoder


class Encoder(BaseEncoder):
    """One hidden layer, told in two halves: mean and log-variance."""

    def __init__(self, size: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.latent_dim = latent
        self.layers = nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent))

    def forward(self, x: Tensor) -> Any:
        mean, log_variance = self.layers(x).chunk(2, -1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """One hidden layer to logits."""

    def __init__(self, size: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.latent_dim = latent
        self.layers = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, size))

    def forward(self, z: Tensor) -> Any:
        return ModelOutput(reconstruction=self.layers(z))


def build(rule: str, networks: dict[str, Any], samples: int = 1) -> Any:
    """A model of theirs with our networks and the settings nearest to ours.

    Args:
        rule: mvae (no warm-up of beta), mvae-joint (its joint term alone), mmvae (normal, prior fixed, the
            plain bound) or mopoe.
        networks: latent, and modalities: name -> [size, hidden, likelihood].
        samples: K of mmvae.
    """
    latent, modalities = networks["latent"], networks["modalities"]
    encoders, decoders = (
        {name: kind(size, hidden, latent) for name, (size, hidden, _) in modalities.items()}
        for kind in (Encoder, Decoder)
    )
    shared: dict[str, Any] = {
        "n_modalities": len(modalities),
        "latent_dim": latent,
        "input_dims": {name: (size,) for name, (size, _, _) in modalities.items()},
        "decoders_dist": {name: likelihood for name, (_, _, likelihood) in modalities.items()},
    }
    if rule in ("mvae", "mvae-joint"):
        config = MVAEConfig(**shared, warmup=0, use_subsampling=rule == "mvae")
        return MVAE(config, encoders, decoders)
    if rule == "mopoe":
        return MoPoE(MoPoEConfig(**shared), encoders, decoders)
    plain = {"prior_and_posterior_dist": "normal", "learn_prior": False, "loss": "iwae_looser"}
    return MMVAE(MMVAEConfig(**shared, **plain, K=samples), encoders, decoders)


def step(model: Any, optimiser: torch.optim.Optimizer, inputs: Any, epoch: int = 1) -> Any:
    """What their BaseTrainer does with a batch, without its book-keeping."""
    told = model(inputs, epoch=epoch)
    optimiser.zero_grad()
    told.loss.backward()
    optimiser.step()
    return told


class Side:
    """Answers questions; what one question prepares is there for the next."""

    def __init__(self) -> None:
        self.models: list[Any] = []
        self.optimisers: list[torch.optim.Optimizer] = []
        self.data: list[Any] = []

    def about(self) -> dict[str, Any]:
        """Versions, threads, and whether torchvision was stood in for."""
        versions = {name: importlib.metadata.version(name) for name in ("multivae", "pythae", "torch")}
        return {**versions, "threads": torch.get_num_threads(), "torchvision_stood_in": STOOD_IN}

    def prepare(
        self, rule: str, count: int, examples: int, networks: dict[str, Any], fused: bool = False
    ) -> dict[str, Any]:
        """Models, their optimisers, and examples of each."""
        torch.manual_seed(0)
        self.models = [build(rule, networks) for _ in range(count)]
        self.optimisers = [torch.optim.Adam(one.parameters(), 1e-3, fused=fused) for one in self.models]
        drawn = {
            name: _examples(likelihood, count, examples, size)
            for name, (size, _, likelihood) in networks["modalities"].items()
        }
        self.data = [
            MultimodalBaseDataset({name: x[place] for name, x in drawn.items()}) for place in range(count)
        ]
        return {"parameters": sum(one.numel() for one in self.models[0].parameters())}

    def steps(self) -> dict[str, Any]:
        """Wall and CPU seconds of one step of every model, all its examples in one batch."""
        with Stopwatch() as watch:
            for model, optimiser, inputs in zip(self.models, self.optimisers, self.data, strict=True):
                step(model, optimiser, inputs)
        return watch.read

    def operations(self) -> dict[str, Any]:
        """Floating-point operations of the products of matrices in one step of every model."""
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False) as counter:
            self.steps()
        return {"operations": counter.get_total_flops()}

    def prepare_trainers(self, batch: int, folder: str) -> dict[str, Any]:
        """Their trainers for the models that were prepared."""
        from multivae.trainers import BaseTrainer, BaseTrainerConfig

        config = {"per_device_train_batch_size": batch, "learning_rate": 1e-3, "output_dir": folder}
        self.trainers = [
            BaseTrainer(model, data, training_config=BaseTrainerConfig(**config, no_cuda=True))
            for model, data in zip(self.models, self.data, strict=True)
        ]
        return {}

    def epoch(self) -> dict[str, Any]:
        """Wall and CPU seconds of an epoch of every model by their trainer, with its loading of examples."""
        with Stopwatch() as watch:
            for trainer in self.trainers:
                trainer.train_step(1)
        return watch.read

    def train(
        self, rule: str, networks: dict[str, Any], given: str, out: str, batch: int, lr: float
    ) -> dict[str, Any]:
        """Train a model of each seed from given weights, on given examples in a given order.

        Args:
            given: .npz with data/NAME [G, N, d], order [G, epochs, N], and weights [G, ...] named as
                `weights_of` names them.
            out: Where the weights go, named alike.
        """
        kept: list[dict[str, np.ndarray]] = []
        seconds = []
        with np.load(given) as file:
            stored = {name: file[name] for name in file.files}
        for seed in range(len(stored["order"])):
            torch.manual_seed(seed)
            model = build(rule, networks).train()
            load_weights(model, {k: v[seed] for k, v in stored.items() if k.startswith(("enc", "dec"))})
            optimiser = torch.optim.Adam(model.parameters(), lr)
            data = {name: torch.from_numpy(stored[f"data/{name}"][seed]) for name in networks["modalities"]}
            with Stopwatch() as watch:
                for epoch, order in enumerate(torch.from_numpy(stored["order"][seed]), 1):
                    for chosen in order.split(batch):
                        inputs = MultimodalBaseDataset({name: x[chosen] for name, x in data.items()})
                        step(model, optimiser, inputs, epoch)
            seconds.append(watch.read["cpu"])
            kept.append(weights_of(model))
        np.savez(out, **{name: np.stack([one[name] for one in kept]) for name in kept[0]})
        return {"cpu_seconds": seconds}

    def joint(
        self, rule: str, networks: dict[str, Any], given: str, weights: str, count: int, times: int
    ) -> dict[str, Any]:
        """What their own code says of the first model: joint log-likelihood, mean over some examples."""
        model = build(rule, networks)
        with np.load(weights) as file:
            load_weights(model, {name: file[name][0] for name in file.files})
        with np.load(given) as file:
            data = {name: torch.from_numpy(file[f"test/{name}"][:count]) for name in networks["modalities"]}
        told = []
        for seed in range(times):
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002 - theirs draws from it
            told.append(-float(model.compute_joint_nll(MultimodalBaseDataset(data))) / count)
        return {"log_likelihoods": told}

    def slices(self, shares: list[float], batch: int) -> dict[str, Any]:
        """How many examples of a batch their mixture of products deals to each component."""
        model = build("mopoe", {"latent": 1, "modalities": {"a": [1, 1, "normal"], "b": [1, 1, "normal"]}})
        mark = torch.arange(len(shares), dtype=torch.float32)[:, None, None].expand(-1, batch, 1)
        mean, _ = model.deterministic_mixture_component_selection(mark, mark, torch.tensor(shares))
        return {
            "counts": [int((mean == k).sum()) for k in range(len(shares))],
            "order": mean.flatten().tolist(),
        }

    def products(self, variances: list[float]) -> dict[str, Any]:
        """Precisions of their mixture of products: of the first expert N(0, v) alone and of all joined."""
        names = {f"m{k}": [1, 1, "normal"] for k in range(len(variances))}
        logs = torch.tensor(variances)[:, None, None].log()
        means = torch.zeros_like(logs)
        model = build("mopoe", {"latent": 1, "modalities": names})
        one, whole = (float(torch.exp(-model._poe_fusion(means[:k], logs[:k])[1])) for k in (1, None))
        return {"one": one, "all": whole}

    def losses(self, rule: str) -> dict[str, Any]:
        """The loss of 100 examples over that of 10, and what becomes of pictures with shades."""
        networks = {"latent": 2, "modalities": {"image": [6, 4, "bernoulli"], "label": [3, 4, "categorical"]}}
        torch.manual_seed(0)
        model = build(rule, networks)

        def loss(shade: float, count: int) -> float:
            label = torch.eye(3)[torch.arange(count) % 3]
            data = {"image": torch.full((count, 6), shade), "label": label}
            return float(model(MultimodalBaseDataset(data)).loss.detach())

        told: dict[str, Any] = {"hundred_over_ten_examples": loss(1.0, 100) / loss(1.0, 10)}
        try:
            told["shades"] = loss(0.5, 10)
        except ValueError as problem:
            told["shades"] = f"ValueError: {str(problem).split(',')[0][:60]}"
        return told


class Stopwatch:
    """Wall and CPU seconds of a block."""

    def __enter__(self) -> Stopwatch:
        self.begun = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        wall, cpu = self.begun
        self.read = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def _examples(likelihood: str, count: int, examples: int, size: int) -> Tensor:
    if likelihood == "bernoulli":
        return torch.bernoulli(torch.full((count, examples, size), 0.2))
    if likelihood == "categorical":
        return torch.eye(size)[torch.randint(size, (count, examples))]
    return torch.randn(count, examples, size)


def weights_of(model: Any) -> dict[str, np.ndarray]:
    """Named encoders/NAME/LAYER/weight, ..., layers counted from 0."""
    found = {}
    for kind in ("encoders", "decoders"):
        for name, network in getattr(model, kind).items():
            linear = [one for one in network.layers if isinstance(one, nn.Linear)]
            for place, layer in enumerate(linear):
                found[f"{kind}/{name}/{place}/weight"] = layer.weight.detach().numpy()
                found[f"{kind}/{name}/{place}/bias"] = layer.bias.detach().numpy()
    return found


def load_weights(model: Any, told: dict[str, np.ndarray]) -> None:
    """Write weights named as `weights_of` names them into a model."""
    own = weights_of(model)
    assert own.keys() == told.keys(), (own.keys(), told.keys())
    for name, value in own.items():
        value[...] = told[name]


def main() -> None:
    side = Side()
    told = os.fdopen(os.dup(1), "w")
    with contextlib.redirect_stdout(sys.stderr):
        for line in sys.stdin:
            asked = json.loads(line)
            answer = getattr(side, asked.pop("do"))(**asked)
            print(json.dumps(answer), file=told, flush=True)


if __name__ == "__main__":
    main()
